/*
 * EQ1, signed-transport (Equation 1; Equation 5 is the same with the roles exchanged).
 *
 *   printed   M1 = P_B(k, B, T_A, S_A(k, B, T_A, LC))                B and T_A are optional: -DWITH_OPTIONS has them
 *   repaired  M1 = P_B(k, A, B, T_A, N, S_A(H(k), A, B, T_A, N))     then answer and confirmation
 *
 * B in the signature stands for name and credential: here a name has one key. k, N and S_A are made once in a session, so the session's
 * number names them all.
 */
#ifdef PRINTED
#define WITHOUT_SALT
#define WITHOUT_CACHE
#define WITHOUT_DIGEST
#define WITHOUT_ORIGINATOR_CONFIRMATION
#ifndef WITH_OPTIONS
#define WITHOUT_RECIPIENT_SIGNED
#endif
#endif

#include "vocabulary.pml"
#define sameMode(s, r) true
#define kept(s) (session[s].stage == IDLE || !honestPeer(s) || !known[(isOriginator(s) -> s : session[s].theirs)])
#include "answer.pml"

/* Signatures of honest originators that the intruder has seen outside an encryption. */
bool seen[SESSIONS];

#ifdef WITHOUT_RECIPIENT_SIGNED
#define signatureFits(s, r) (session[s].self != session[r].self)
#else
#define signatureFits(s, r) (session[s].peer == session[r].self)
#endif

#define hasM1(s, r) (session[s].stage >= SENT && session[s].peer == session[r].self && isNew(s, r))
#define canEncryptAgain(s, r) (seen[s] && known[s] && signatureFits(s, r) && isNew(s, r))

inline sayBeside(from, to) {
#ifndef PRINTED
  printf(", %c", letter(from));
#endif
#ifndef WITHOUT_RECIPIENT_SIGNED
  printf(", %c", letter(to));
#endif
#ifdef PRINTED
  printf(", T")
#else
  printf(", T, N")
#endif
}

inline saySigned(from, to, k) {
#ifdef WITHOUT_DIGEST
  printf("k%c%d", named(k));
#else
  printf("H(k%c%d)", named(k));
#endif
  sayBeside(from, to)
}

inline sayM1(from, to, k) {
  printf("M1 = P_%c(k%c%d", letter(to), named(k));
  sayBeside(from, to);
  printf(", S_%c(", letter(from));
  saySigned(from, to, k);
  printf("))\n")
}

inline sendM1(me) {
  chooseOriginator(me);
  session[me].stage = SENT;
  known[me] = intruderOpens(session[me].peer);
  seen[me] = known[me];
  saySent(me);
  sayM1(session[me].self, session[me].peer, me);
  mustKeepSecrets()
}

proctype Originator(byte me) {
#ifdef PRINTED
  skip
#else
  atomic { receiveAnswer(me) }
#endif
}

proctype Recipient(byte me) {
  atomic {
    chooseRecipient(me);
    if
    :: hasM1(1, me) || canEncryptAgain(1, me) -> session[me].theirs = 1; session[me].peer = session[1].self
    :: hasM1(2, me) || canEncryptAgain(2, me) -> session[me].theirs = 2; session[me].peer = session[2].self
    :: session[me].peer = I; chooseKnown(session[me].theirs)
    fi;
    sayReceived(me);
    sayM1(session[me].peer, session[me].self, session[me].theirs);
    session[me].stage = ACCEPTED;
    must(AGREEMENT, !honestPeer(me) || faceEachOther(session[me].theirs, me));
    must(SEPARATION, !honestPeer(me) || !sameKey(me, otherRecipient(me)));
#ifndef PRINTED
    sendAnswer(me);
#endif
    mustKeepSecrets()
  }
  atomic { receiveFirstRecord(me) }
  /* To settle a dispute the recipient shows what the originator signed. */
  atomic {
    honestPeer(me);
    printf("MSG %c -> all : S_%c(", letter(session[me].self), letter(session[me].peer));
    saySigned(session[me].peer, session[me].self, session[me].theirs);
    printf(")\n");
    seen[session[me].theirs] = true;
#ifdef WITHOUT_DIGEST
    known[session[me].theirs] = true;
#endif
    mustKeepSecrets()
  }
}

init {
  start()
}
