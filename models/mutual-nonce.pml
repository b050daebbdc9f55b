/*
 * EQ8, mutual-nonce (Equations 8 to 10).
 *
 *   printed   M1 = P_B(k1, A, T_A)      M2 = P_A(k1, k2)                M3 = P_B(k2)
 *   repaired  M1 = P_B(A, B, k1, T_A)   M2 = P_A(B, A, k1, k2, H(M1))   M3 = P_B(A, B, k2, H(M1, M2))
 *
 * The originator accepts M2 and is done, the recipient accepts M3 and is done. The secret is f(k1, k2).
 */
#ifdef PRINTED
#define WITHOUT_NAMES
#define WITHOUT_HASHES
#endif

#include "vocabulary.pml"

/* H(M1): encryption is taken to be deterministic, so M1 is its content: from whom, to whom, k1. */
short m1[SESSIONS];
#define contentOfM1(from, to, secret) (100 * (from) + 10 * (to) + (secret))

/* What M2 and M3 say beside the secrets, as their reader expects it. M2 adds nothing to H(M1, M2) that is not compared anyway. */
#ifdef WITHOUT_NAMES
#define nameFits(from, to) true
#else
#define nameFits(from, to) (session[from].self == session[to].peer)
#endif
#ifdef WITHOUT_HASHES
#define hashFits(from, to) true
#else
#define hashFits(from, to) (m1[from] == m1[to])
#endif

/* A message that session `from` has sent opens with the key of session `to` and holds what that waits for. */
#define opensAndFits(from, to) (session[from].peer == session[to].self && nameFits(from, to) && hashFits(from, to))
#define hasM1(s, r) (session[s].stage >= SENT && session[s].peer == session[r].self)
#define hasM2(r, s) (session[r].stage >= SENT && session[r].theirs == s && opensAndFits(r, s))
#define hasM3(s, r) (session[s].stage == DONE && session[s].theirs == r && opensAndFits(s, r))

#define sameSecrets(s, r) (session[s].theirs == r && session[r].theirs == s)
#define kept(s) (session[s].stage != DONE || !honestPeer(s) || !(known[s] && known[session[s].theirs]))

#ifdef PRINTED
#define sayM1(from, to, k1) printf("M1 = P_%c(k%c%d, %c, T)\n", letter(to), named(k1), letter(from))
#else
#define sayM1(from, to, k1) printf("M1 = P_%c(%c, %c, k%c%d, T)\n", letter(to), letter(from), letter(to), named(k1))
#endif

inline sayBeside(from, to) {
#ifndef WITHOUT_NAMES
  printf("%c, %c, ", letter(from), letter(to))
#else
  skip
#endif
}

inline sayM2(from, to, k1, k2) {
  printf("M2 = P_%c(", letter(to));
  sayBeside(from, to);
#ifdef WITHOUT_HASHES
  printf("k%c%d, k%c%d)\n", named(k1), named(k2))
#else
  printf("k%c%d, k%c%d, H(M1))\n", named(k1), named(k2))
#endif
}

inline sayM3(from, to, k2) {
  printf("M3 = P_%c(", letter(to));
  sayBeside(from, to);
#ifdef WITHOUT_HASHES
  printf("k%c%d)\n", named(k2))
#else
  printf("k%c%d, H(M1, M2))\n", named(k2))
#endif
}

inline sendM1(me) {
  chooseOriginator(me);
  m1[me] = contentOfM1(session[me].self, session[me].peer, me);
  session[me].stage = SENT;
  known[me] = intruderOpens(session[me].peer);
  saySent(me);
  sayM1(session[me].self, session[me].peer, me)
}

proctype Originator(byte me) {
  atomic {
    if
    :: hasM2(3, me) -> session[me].theirs = 3
    :: hasM2(4, me) -> session[me].theirs = 4
    :: known[me] -> chooseKnown(session[me].theirs)
    fi;
    sayReceived(me);
    sayM2(session[me].peer, session[me].self, me, session[me].theirs);
    session[me].stage = DONE;
    must(AGREEMENT, !honestPeer(me) || faceEachOther(me, session[me].theirs) && sameSecrets(me, session[me].theirs));
    saySent(me);
    sayM3(session[me].self, session[me].peer, session[me].theirs);
    if
    :: intruderOpens(session[me].peer) -> known[session[me].theirs] = true
    :: else
    fi;
    mustKeepSecrets()
  }
}

proctype Recipient(byte me) {
  atomic {
    chooseRecipient(me);
    if
    :: hasM1(1, me) -> session[me].theirs = 1; session[me].peer = session[1].self
    :: hasM1(2, me) -> session[me].theirs = 2; session[me].peer = session[2].self
    :: nameSender(me); chooseKnown(session[me].theirs)
    fi;
    m1[me] = contentOfM1(session[me].peer, session[me].self, session[me].theirs);
    sayReceived(me);
    sayM1(session[me].peer, session[me].self, session[me].theirs);
    session[me].stage = SENT;
    saySent(me);
    sayM2(session[me].self, session[me].peer, session[me].theirs, me);
    if
    :: intruderOpens(session[me].peer) -> known[session[me].theirs] = true; known[me] = true
    :: else
    fi;
    mustKeepSecrets()
  }
  atomic {
    if
    :: hasM3(1, me)
    :: hasM3(2, me)
    :: known[me]
    fi;
    sayReceived(me);
    sayM3(session[me].peer, session[me].self, me);
    session[me].stage = DONE;
    must(AGREEMENT, !honestPeer(me) || faceEachOther(session[me].theirs, me) && sameSecrets(session[me].theirs, me));
    mustKeepSecrets();
    must(HONEST_RUN, !honestPeer(me))
  }
}

init {
  start()
}
