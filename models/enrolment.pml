/*
 * Enrolment of a terminal T at a server S, of which each may have keys for the classical suites or for the hybrid one besides.
 *
 *   as it was  R = P_S(S_T(token, name, keys of T))   reply = certificates of T, chains of S                      proof = S_T(certificates of T)
 *   as built   R = P_S(S_T(token, name, keys of T, k)) reply = E_k(certificates of T, chains of S, S_S(H(V)))     proof = P_S(S_T(H(V), S_S(H(V))))
 *              V = H(R), certificates of T, chains of S
 *
 * T asks twice with the same keys, as after a lost reply; S may be given the hybrid suite in between. The intruder is the network: chains are
 * public, so where nothing holds a reply together he makes one of the chains that he likes. He cannot sign, nor open without the key.
 * T has keys for both suites. Certificates in a reply are of T's own keys, or T refuses them: those of other terminals are of no use here.
 */
#ifdef FORMER
#define WITHOUT_REPLY_KEY
#define WITHOUT_SIGNATURE
#define WITHOUT_PROVEN_VIEW
#define WITHOUT_ENCRYPTION
#endif

#include "vocabulary.pml"

#define kept(s) true /* no link is modelled */

#define T 20
#define S 19

/* Suites as sets. */
#define CLASSICAL 1
#define HYBRID 2
#define BOTH 3
#define strongest(set) ((set) >= HYBRID -> HYBRID : CLASSICAL)
#define isSubset(some, all) (((some) | (all)) == (all))

/* -DSTOLEN_ENROL: the intruder has the key that requests are encrypted to, and with it what they bring: token, name and reply key. */
#ifdef STOLEN_ENROL
#define opensRequests true
#else
#define opensRequests false
#endif
#ifdef WITHOUT_REPLY_KEY
#define makesReplies true
#else
#define makesReplies opensRequests
#endif

/* T's two attempts; what S is, has replied to each, and whom the token is bound to. */
#define ATTEMPTS 3
byte stage_of[ATTEMPTS];
byte seen[ATTEMPTS];    /* the chains of S that T accepted */
byte replied[ATTEMPTS]; /* the chains that S sent and signed: bit n for the set n */
byte has;               /* the suites of S now */
byte bound;
bool isActive;
bool isNamed;           /* the intruder knows whose keys these are */

#define isReply(me, set) ((replied[me] >> (set)) & 1)

/* A view of the chains `set` that S has signed, and that T takes for one of this attempt. */
#ifdef WITHOUT_REQUEST_DIGEST
#define signedFor(me, set) (isReply(1, set) || isReply(2, set))
#else
#define signedFor(me, set) isReply(me, set)
#endif
#ifdef WITHOUT_SIGNATURE
#define signatureFits(me, set) true
#else
#define signatureFits(me, set) signedFor(me, set)
#endif

/* What T may be brought: the reply as S made it, or one that the intruder made of public chains and of certificates that T was sent. */
#define isSent (replied[1] != 0 || replied[2] != 0)
#define canBring(me, set) (isReply(me, set) || makesReplies && isSent && isSubset(set, has) && signatureFits(me, set))

inline saySet(set) {
  if
  :: set == CLASSICAL -> printf("classical")
  :: set == HYBRID -> printf("hybrid")
  :: set == BOTH -> printf("classical, hybrid")
  fi
}

inline learnName(clear) {
  if
  :: clear || opensRequests -> isNamed = true
  :: else
  fi;
  must(SECRECY, !isNamed)
}

proctype Terminal(byte me) {
  atomic {
    stage_of[me] = SENT;
    printf("MSG T -> I(S) : R%d = P_S(S_T(token, name, keys))\n", me);
    learnName(false)
  }
  atomic {
    if
    :: canBring(me, CLASSICAL) -> seen[me] = CLASSICAL
    :: canBring(me, HYBRID) -> seen[me] = HYBRID
    :: canBring(me, BOTH) -> seen[me] = BOTH
    fi;
    printf("MSG I(S) -> T : reply to R%d with chains of S: ", me);
    saySet(seen[me]);
    printf("\n");
    stage_of[me] = ACCEPTED;
    printf("MSG T -> I(S) : proof of R%d\n", me);
    must(AGREEMENT, isReply(me, seen[me]))
  }
}

/* Of an attempt: S replies, again too, while the token is T's or nobody's. */
inline reply(me) {
  atomic {
    stage_of[me] >= SENT && bound != I;
    bound = T;
    replied[me] = replied[me] | (1 << has);
    printf("MSG S -> I(T) : reply to R%d with chains of S: ", me);
    saySet(has);
    printf("\n");
#ifdef WITHOUT_ENCRYPTION
    learnName(true)
#else
    learnName(false)
#endif
  }
}

#ifdef WITHOUT_PROVEN_VIEW
#define provenFits(me) true
#else
#define provenFits(me) (seen[me] == has && isReply(me, seen[me]))
#endif

inline acceptProof(me) {
  atomic {
    stage_of[me] == ACCEPTED && bound == T && !isActive && provenFits(me);
    isActive = true;
    printf("MSG I(T) -> S : proof of R%d\n", me);
    must(AGREEMENT, seen[me] == has);
    must(STRENGTH, strongest(seen[me]) == strongest(has));
    must(HONEST_RUN, false)
  }
}

proctype Server() {
  do
  :: reply(1)
  :: reply(2)
  :: acceptProof(1)
  :: acceptProof(2)
  :: atomic { has == CLASSICAL -> has = BOTH; printf("MSG S -> S : keys for hybrid\n") }
  od
}

/* Who opened a request has its token, and enrols himself by it, if he is the first. */
proctype Thief() {
  atomic {
    opensRequests && (stage_of[1] >= SENT || stage_of[2] >= SENT) && bound == 0;
    bound = I;
    printf("MSG I(T) -> S : R = P_S(S_I(token, name, keys of I))\n");
    isActive = true;
    printf("MSG I(T) -> S : proof of R\n");
    must(IDENTITY, false)
  }
}

init {
  atomic {
    if
    :: has = CLASSICAL
    :: has = BOTH
    fi;
    run Terminal(1);
    run Terminal(2);
    run Server();
    run Thief()
  }
}
