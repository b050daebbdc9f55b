/*
 * EQ11, mutual-certified (Equations 11 to 13, claims 15 and 16), one way or two ways.
 *
 *   printed   M1 = D_A, S_A(D_A)                    D_A = T_A, R_A, B, P_B(k1)
 *             M2 = D_B, S_B(D_B)                    D_B = T_B, R_B, A, P_A(k2)
 *   repaired  D_A = T_A, R_A, A, B, way, P_B(A, k1)         D_B = T_B, R_B, B, A, R_A, H(M1), P_A(B, k2)
 *             one way, then answer and confirmation; two ways, then M2 and confirmation
 *
 * Certificates are everyone's and left out. D is in clear: the intruder reads all but what P encrypts, and can sign a copied P himself.
 * R and k are made once in a session, so the session's number names both. The secret is k1 one way, f(k1, k2) two ways.
 */
#ifdef PRINTED
#define WITHOUT_NAME_ENCRYPTED
#define WITHOUT_ECHO
#define WITHOUT_HASH
#define WITHOUT_WAY_SIGNED
#define WITHOUT_ORIGINATOR_CONFIRMATION
#endif

#include "vocabulary.pml"

/* -DONE_WAY and -DTWO_WAY leave only one of them; else each originator chooses. */
bool twoWay[SESSIONS];
#define sameMode(s, r) (twoWay[s] == twoWay[r])

#define k1(s) (isOriginator(s) -> s : session[s].theirs)
#define k2(s) (isOriginator(s) -> session[s].theirs : s)
#define sameSecrets(s, r) (session[s].theirs == r && session[r].theirs == s)
#define kept(s) (session[s].stage < ACCEPTED || !honestPeer(s) || !known[k1(s)] || twoWay[s] && !known[k2(s)])
#include "answer.pml"

/* What M1, M2 and the copied P are compared with. R_A and H(M1) in M2 are those of the M1 that session r accepted. */
#ifdef WITHOUT_NAME_ENCRYPTED
#define nameFits(s, signer) true
#else
#define nameFits(s, signer) (session[s].self == signer)
#endif
#ifdef WITHOUT_ECHO
#define echoFits(r, s) true
#else
#define echoFits(r, s) (session[r].theirs == s)
#endif
#ifdef WITHOUT_HASH
#define hashFits(r, s) true
#else
#define hashFits(r, s) (session[r].theirs == s && faceEachOther(s, r) && sameMode(s, r))
#endif

#define hasM1(s, r) (session[s].stage >= SENT && session[s].peer == session[r].self && isNew(s, r))
#define hasM2(r, s) (session[r].stage >= ACCEPTED && twoWay[r] && session[r].peer == session[s].self && session[r].self == session[s].peer \
  && echoFits(r, s) && hashFits(r, s))
#define hasRecord(s, r) (session[s].stage == DONE && sameSecrets(s, r) && faceEachOther(s, r) && sameMode(s, r))

/* A copied P opens with the key of the other session: the intruder can put it into a D of his own. */
#define canCopyM1(s, r) (session[s].stage >= SENT && session[s].peer == session[r].self && nameFits(s, I))
#define canCopyM2(r, s) (session[r].stage >= ACCEPTED && twoWay[r] && session[r].peer == session[s].self && nameFits(r, I))

inline chooseWay(me) {
  if
#ifndef ONE_WAY
  :: twoWay[me] = true
#endif
#ifndef TWO_WAY
  :: twoWay[me] = false
#endif
  fi
}

inline sayRest(from, to, secret) {
#ifndef WITHOUT_NAME_ENCRYPTED
  printf("P_%c(%c, k%c%d)), S_%c(D)\n", letter(to), letter(from), named(secret), letter(from))
#else
  printf("P_%c(k%c%d)), S_%c(D)\n", letter(to), named(secret), letter(from))
#endif
}

inline sayM1(from, to, r, way, secret) {
#ifdef PRINTED
  printf("M1 = D(T, R%d, %c, ", r, letter(to));
#else
  printf("M1 = D(T, R%d, %c, %c, %d-way, ", r, letter(from), letter(to), 1 + way);
#endif
  sayRest(from, to, secret)
}

inline sayM2(from, to, r, echo, secret) {
#ifdef PRINTED
  printf("M2 = D(T, R%d, %c, ", r, letter(to));
#else
  printf("M2 = D(T, R%d, %c, %c, ", r, letter(from), letter(to));
#endif
#ifndef WITHOUT_ECHO
  printf("R%d, ", echo);
#endif
#ifndef WITHOUT_HASH
  printf("H(M1), ");
#endif
  sayRest(from, to, secret)
}

inline sendM1(me) {
  chooseOriginator(me);
  chooseWay(me);
  session[me].stage = SENT;
  known[me] = intruderOpens(session[me].peer);
  saySent(me);
  sayM1(session[me].self, session[me].peer, me, twoWay[me], me)
}

inline takeM1(s, me) {
  session[me].peer = session[s].self;
  session[me].theirs = s;
#ifdef WITHOUT_WAY_SIGNED
  chooseWay(me)
#else
  twoWay[me] = twoWay[s]
#endif
}

inline sendM2(me) {
  known[me] = intruderOpens(session[me].peer);
  saySent(me);
  sayM2(session[me].self, session[me].peer, me, session[me].theirs, me)
}

inline receiveM2(me) {
  if
  :: hasM2(3, me) -> session[me].theirs = 3
  :: hasM2(4, me) -> session[me].theirs = 4
  :: session[me].peer == I && canCopyM2(3, me) -> session[me].theirs = 3
  :: session[me].peer == I && canCopyM2(4, me) -> session[me].theirs = 4
  :: session[me].peer == I -> chooseKnown(session[me].theirs)
  fi;
  sayReceived(me);
  sayM2(session[me].peer, session[me].self, session[me].theirs, me, session[me].theirs);
  session[me].stage = DONE;
  must(AGREEMENT, !honestPeer(me) || faceEachOther(me, session[me].theirs) && sameSecrets(me, session[me].theirs));
  must(POSSESSION, session[me].peer != I || known[session[me].theirs]);
  saySent(me);
  printf("first record = confirmation(k%c%d, k%c%d, th)\n", named(me), named(session[me].theirs));
  mustKeepSecrets()
}

inline receiveRecord(me) {
#ifndef WITHOUT_ORIGINATOR_CONFIRMATION
  if
  :: hasRecord(session[me].theirs, me)
  :: known[me] && known[session[me].theirs]
  fi;
  sayReceived(me);
  printf("first record = confirmation(k%c%d, k%c%d, th)\n", named(session[me].theirs), named(me));
#endif
  session[me].stage = DONE;
  must(COMPLETION, !honestPeer(me) || hasRecord(session[me].theirs, me));
  must(HONEST_RUN, !honestPeer(me))
}

proctype Originator(byte me) {
  if
  :: twoWay[me] -> atomic { receiveM2(me) }
#ifndef PRINTED
  :: else -> atomic { receiveAnswer(me) }
#endif
  fi
}

proctype Recipient(byte me) {
  atomic {
    chooseRecipient(me);
    if
    :: hasM1(1, me) -> takeM1(1, me)
    :: hasM1(2, me) -> takeM1(2, me)
    :: canCopyM1(1, me) -> session[me].theirs = 1; session[me].peer = I; chooseWay(me)
    :: canCopyM1(2, me) -> session[me].theirs = 2; session[me].peer = I; chooseWay(me)
    :: chooseKnown(session[me].theirs); session[me].peer = I; chooseWay(me)
    fi;
    sayReceived(me);
    sayM1(session[me].peer, session[me].self, session[me].theirs, twoWay[me], session[me].theirs);
    session[me].stage = ACCEPTED;
    must(AGREEMENT, !honestPeer(me) || faceEachOther(session[me].theirs, me) && sameMode(session[me].theirs, me));
    must(POSSESSION, session[me].peer != I || known[session[me].theirs]);
    must(SEPARATION, !honestPeer(me) || twoWay[me] || twoWay[otherRecipient(me)] || !sameKey(me, otherRecipient(me)));
    if
    :: twoWay[me] -> sendM2(me)
#ifdef PRINTED
    :: else
#else
    :: else -> sendAnswer(me)
#endif
    fi;
    mustKeepSecrets()
  }
  if
  :: twoWay[me] -> atomic { receiveRecord(me) }
  :: else -> atomic { receiveFirstRecord(me) }
  fi
}

init {
  start()
}
