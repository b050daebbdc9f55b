/*
 * EQ14, mutual-agreement (Equations 14 to 16, and variant i).
 *
 *   printed   M1 = P_B(g^a, A, T_A)          M2 = P_A(g^b, B, T_A, T_B)                  M3 = S_A(E_k(software, LC))
 *   repaired  M1 = P_B(A, B, g^a, T_A, N_A)  M2 = P_A(B, A, g^b, T_A, N_A, T_B, H(M1))   M3 = E_k(software, S_A(A, B, th))
 *             and then the recipient's first record, which begins with the confirmation of the recipient
 *
 * Printed, B is optional in M2 (-DWITH_OPTIONS has it) and shares are not checked (-DWITH_VALIDATION checks them). -DUNSIGNED is variant i:
 * no S_A in M3 but, repaired, A's confirmation. Exponent, share, nonce and time stamp are made once in a session, so the session's number
 * names them all. A time stamp can be guessed: the intruder knows every one. `known` holds the nonces that he has read.
 */
#ifdef PRINTED
#define WITHOUT_NONCE
#define WITHOUT_HASH
#define WITHOUT_TRANSCRIPT
#define WITHOUT_CONFIRMATION
#ifndef WITH_VALIDATION
#define WITHOUT_VALIDATION
#endif
#ifndef WITH_OPTIONS
#define WITHOUT_B_IN_M2
#endif
#endif

#include "vocabulary.pml"

#define DEGENERATE 5 /* the shares 0, 1 and p - 1: whatever the exponent, the secret is one of them */
bool knownShare[SESSIONS];

/* At the recipient: the time stamp and nonce of M1. */
byte time[SESSIONS];
byte nonce[SESSIONS];

/* g^ab is known to who has one exponent and the other share. The intruder has only his own exponent. */
#define secretKnown(s) (session[s].theirs == DEGENERATE || session[s].theirs == 0 && knownShare[s])
#define bothDegenerate(s, r) (session[s].theirs == DEGENERATE && session[r].theirs == DEGENERATE)
#define sameSecret(s, r) (session[s].theirs == r && session[r].theirs == s || bothDegenerate(s, r))
#define sameM1(s, r) (faceEachOther(s, r) && session[r].theirs == s && time[r] == s && nonce[r] == s)

/* What M2 says beside share and time stamp, compared with what the originator expects. */
#ifdef WITHOUT_B_IN_M2
#define nameFits(r, s) true
#else
#define nameFits(r, s) (session[r].self == session[s].peer)
#endif
#ifdef WITHOUT_NONCE
#define nonceFits(r, s) true
#define nonceKnown(s) true
#else
#define nonceFits(r, s) (nonce[r] == s)
#define nonceKnown(s) known[s]
#endif
#ifdef WITHOUT_HASH
#define hashFits(r, s) true
#else
#define hashFits(r, s) sameM1(s, r)
#endif

/* The key is made of the secret and th: names, H(M1) and H(M2). */
#ifdef WITHOUT_TRANSCRIPT
#define sameKey(s, r) sameSecret(s, r)
#else
#define sameKey(s, r) (sameSecret(s, r) && sameM1(s, r))
#endif

#define hasM1(s, r) (session[s].stage >= SENT && session[s].peer == session[r].self)
#define hasM2(r, s) (session[r].stage >= SENT && session[r].peer == session[s].self && time[r] == s \
  && nameFits(r, s) && nonceFits(r, s) && hashFits(r, s))
#define hasRecord(r, s) (session[r].stage == DONE && sameKey(s, r))

/* M3, as session s sent it and as the intruder can make it with the key: both have to end up under the signature of r's peer. */
#if defined(UNSIGNED)
#define signatureFits(s, r) true
#define canSign(r) true
#elif defined(PRINTED) /* the signature is outside, so the intruder can put his own in its place */
#define signatureFits(s, r) (session[s].self == session[r].peer || session[r].peer == I)
#define canSign(r) (session[r].peer == I)
#else
#define signatureFits(s, r) (session[s].self == session[r].peer)
#define canSign(r) (session[r].peer == I || canMoveSignature(1, r) || canMoveSignature(2, r))
#endif
#ifdef WITHOUT_LINK_SIGNED /* S_A(LC), as variant iii has it: one that was read on another link will do */
#define canMoveSignature(s, r) (session[s].stage >= ACCEPTED && session[s].self == session[r].peer && secretKnown(s))
#else
#define canMoveSignature(s, r) false
#endif
#define hasM3(s, r) (session[s].stage >= ACCEPTED && sameKey(s, r) && signatureFits(s, r))
#define canMakeM3(r) (secretKnown(r) && canSign(r))

#define kept(s) (session[s].stage < ACCEPTED || !honestPeer(s) || !secretKnown(s))

/*
 * Two ends that have one secret name each other. When both name the intruder they may not, for he can hand on shares that are not his; but
 * then neither is ever done.
 */
#define relied(s, r) (honestPeer(s) || honestPeer(r) || session[s].stage == DONE || session[r].stage == DONE)
#define identified(s, r) (!sameSecret(s, r) || !relied(s, r) || faceEachOther(s, r))
#define mustNameEachOther() must(IDENTITY, identified(1, 2) && identified(1, 3) && identified(1, 4) && identified(2, 3) && identified(2, 4) \
  && identified(3, 4))

#include "mutual-agreement-trail.pml"

/* A share for a message that the intruder makes. */
inline chooseShare(share) {
  if
  :: share = 0
  :: knownShare[1] -> share = 1
  :: knownShare[2] -> share = 2
  :: knownShare[3] -> share = 3
  :: knownShare[4] -> share = 4
#ifdef WITHOUT_VALIDATION
  :: share = DEGENERATE
#endif
  fi
}

/*
 * Time stamp and nonce of an M1 that the intruder makes: those of a session whose M2 is to be got, for no others help; and in his own name
 * they do not matter, since M2 comes back to him.
 */
inline chooseChallenge(me) {
  if
  :: time[me] = 0
  :: session[me].peer != I && nonceKnown(1) -> time[me] = 1
  :: session[me].peer != I && nonceKnown(2) -> time[me] = 2
  fi;
  nonce[me] = time[me]
}

inline takeM1(s, me) {
  session[me].peer = session[s].self;
  session[me].theirs = s;
  time[me] = s;
  nonce[me] = s
}

inline sendM1(me) {
  chooseOriginator(me);
  session[me].stage = SENT;
  known[me] = intruderOpens(session[me].peer);
  knownShare[me] = known[me];
  saySent(me);
  sayM1(session[me].self, session[me].peer, me, me)
}

proctype Originator(byte me) {
  atomic {
    if
    :: hasM2(3, me) -> session[me].theirs = 3
    :: hasM2(4, me) -> session[me].theirs = 4
    :: nonceKnown(me) -> chooseShare(session[me].theirs)
    fi;
    sayReceived(me);
    sayM2(session[me].peer, session[me].self, session[me].theirs, me);
    session[me].stage = ACCEPTED;
    must(AGREEMENT, !honestPeer(me) || faceEachOther(me, session[me].theirs) && sameSecret(me, session[me].theirs));
    mustNameEachOther();
    saySent(me);
    sayM3(session[me].self, session[me].peer, me, session[me].theirs);
#ifdef WITH_SHARE_IN_SIGNATURE
    printf("MSG %c -> all : S_%c(g^%c%d)\n", letter(session[me].self), letter(session[me].self), named(me));
    knownShare[me] = true;
#endif
    mustKeepSecrets()
  }
  atomic {
#ifndef WITHOUT_CONFIRMATION
    if
    :: hasRecord(3, me)
    :: hasRecord(4, me)
    :: secretKnown(me)
    fi;
    sayReceived(me);
    sayFirstRecord(me, session[me].theirs);
#endif
    session[me].stage = DONE;
    must(COMPLETION, !honestPeer(me) || hasRecord(session[me].theirs, me));
    mustNameEachOther();
    must(HONEST_RUN, !honestPeer(me))
  }
}

proctype Recipient(byte me) {
  atomic {
    chooseRecipient(me);
    if
    :: hasM1(1, me) -> takeM1(1, me)
    :: hasM1(2, me) -> takeM1(2, me)
    :: nameSender(me); chooseShare(session[me].theirs); chooseChallenge(me)
    fi;
    sayReceived(me);
    sayM1(session[me].peer, session[me].self, session[me].theirs, time[me]);
    session[me].stage = SENT;
    if
    :: intruderOpens(session[me].peer) -> knownShare[me] = true; known[nonce[me]] = true
    :: else
    fi;
    saySent(me);
    sayM2(session[me].self, session[me].peer, me, time[me]);
    mustKeepSecrets()
  }
  atomic {
    if
    :: hasM3(1, me)
    :: hasM3(2, me)
    :: canMakeM3(me)
    fi;
    sayReceived(me);
    sayM3(session[me].peer, session[me].self, me, session[me].theirs);
    session[me].stage = DONE;
    must(COMPLETION, !honestPeer(me) || faceEachOther(session[me].theirs, me) && sameSecret(session[me].theirs, me));
    must(POSSESSION, session[me].peer != I || secretKnown(me));
    mustNameEachOther();
    mustKeepSecrets();
#ifndef PRINTED
    saySent(me);
    sayFirstRecord(me, session[me].theirs)
#endif
  }
}

init {
  start()
}
