/*
 * How a one-message mechanism ends. The recipient r of M1 from originator s
 *
 *   answers      H(M1), salt, confirmation of the recipient             the key is Extract(salt, k)
 *   and waits for             confirmation of the originator, in the originator's first record
 *
 * th holds names, mode and H(M1). The including model says what a mode is: sameMode(s, r).
 */

/* At the originator: the recipient's session whose salt it was given; 0 for the intruder's. */
byte salt[SESSIONS];

#ifdef WITHOUT_SALT
#define saltFits(s, r) true
#define sameKey(r, other) (session[r].stage >= ACCEPTED && session[other].stage >= ACCEPTED && session[r].theirs == session[other].theirs \
  && session[r].peer == session[other].peer && session[r].self == session[other].self)
#else
#define saltFits(s, r) (salt[s] == r)
#define sameKey(r, other) false
#endif

#define sameTranscript(s, r) (session[r].theirs == s && faceEachOther(s, r) && sameMode(s, r))
#define hasAnswer(r, s) (session[r].stage >= ACCEPTED && sameTranscript(s, r))
#define hasFirstRecord(s, r) (session[s].stage == DONE && sameTranscript(s, r) && saltFits(s, r))

/* The replay cache: this recipient has not accepted the M1 of s in its other session. */
#define otherRecipient(r) (7 - (r))
#ifdef WITHOUT_CACHE
#define isNew(s, r) true
#else
#define isNew(s, r) !(session[otherRecipient(r)].stage >= ACCEPTED && session[otherRecipient(r)].self == session[r].self \
  && session[otherRecipient(r)].theirs == s)
#endif

inline sayAnswer(drawn, secret) {
  printf("answer = H(M1), salt%d, confirmation(k%c%d, th)\n", drawn, named(secret))
}

inline sayFirstRecord(drawn, secret) {
  printf("first record = confirmation(k%c%d, salt%d, th)\n", named(secret), drawn)
}

inline sendAnswer(me) {
  saySent(me);
  sayAnswer(me, session[me].theirs)
}

inline receiveAnswer(me) {
  if
  :: hasAnswer(3, me) -> salt[me] = 3
  :: hasAnswer(4, me) -> salt[me] = 4
#ifdef WITHOUT_ANSWER_CONFIRMATION
  :: salt[me] = 0
#else
  :: known[me] -> salt[me] = 0
#endif
  fi;
  sayReceived(me);
  sayAnswer(salt[me], me);
  session[me].stage = DONE;
  must(COMPLETION, !honestPeer(me) || isRecipient(salt[me]) && hasAnswer(salt[me], me));
  saySent(me);
  sayFirstRecord(salt[me], me);
  mustKeepSecrets()
}

inline receiveFirstRecord(me) {
#ifndef WITHOUT_ORIGINATOR_CONFIRMATION
  if
  :: hasFirstRecord(session[me].theirs, me)
  :: known[session[me].theirs]
  fi;
  sayReceived(me);
  sayFirstRecord(me, session[me].theirs);
#endif
  session[me].stage = DONE;
  must(COMPLETION, !honestPeer(me) || hasFirstRecord(session[me].theirs, me) && salt[session[me].theirs] == me);
  must(HONEST_RUN, !honestPeer(me))
}
