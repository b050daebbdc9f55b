/*
 * What all models share: agents, sessions, what the intruder knows, properties.
 *
 * The network is the intruder. What an honest agent sends, the intruder has; what an honest agent receives is whatever the intruder can
 * bring: a message that was sent (passed on, held back, replayed, turned elsewhere), or one that he makes of what he knows. So there are no
 * channels and there is no process for him: a step that receives is a choice among all he can bring. What he never brings is dropped.
 */

/* Agents. I is the intruder, who is also a party under that name, with keys and certificate like any other. */
#define A 1
#define B 2
#define I 9
#define otherHonest(agent) (A + B - (agent))

/*
 * Sessions: 0 stands for the intruder, 1 and 2 are originators, 3 and 4 recipients. What a session makes (secret number, nonce, share, salt)
 * is fresh and made once, so the session's number is its name. What the intruder makes is 0. Nobody makes 5, a name for special values.
 */
#define SESSIONS 6
#define isOriginator(s) ((s) == 1 || (s) == 2)
#define isRecipient(s) ((s) == 3 || (s) == 4)

#define IDLE 0
#define SENT 1     /* has sent its first message */
#define ACCEPTED 2 /* has accepted its peer's message as the peer's */
#define DONE 3     /* its link is established */

typedef Session {
  byte self;   /* who runs it */
  byte peer;   /* who that believes to be at the other end */
  byte stage;
  byte theirs; /* what it received as its peer's secret number or share: the session that made it */
};
Session session[SESSIONS];

/* The secret numbers, by the session that made them, that the intruder knows. */
bool known[SESSIONS];

/* -DSTOLEN=A: the intruder has A's decryption key, too. What B believes of A is given up then; what A believes of B is not. */
#ifndef STOLEN
#define STOLEN 0
#endif
#define intruderOpens(agent) ((agent) == I || (agent) == STOLEN)
#define honestPeer(s) (session[s].peer != I && session[s].peer != STOLEN)

/* Originator and recipient name each other. */
#define faceEachOther(s, r) (isOriginator(s) && isRecipient(r) && session[s].self == session[r].peer && session[s].peer == session[r].self)

/*
 * Properties. A run checks all of them or some: -DPROPERTY=SECRECY+COMPLETION. HONEST_RUN is the opposite of one: the first link of two
 * honest ends that is established "violates" it. That shows that a model in which nothing is found is not one in which nothing happens.
 */
#define AGREEMENT 1  /* what is accepted as an honest peer's, that peer made for this party */
#define COMPLETION 2 /* when a link is established, the honest peer has the same one */
#define SECRECY 4    /* the intruder knows no secret that is accepted as shared with an honest peer */
#define SEPARATION 8 /* no two links have one key */
#define POSSESSION 16 /* who is believed to be at the other end knows the secret */
#define IDENTITY 32  /* two ends that have one secret name each other */
#define HONEST_RUN 64
#define STRENGTH 128 /* who is enrolled links on the strongest suite that both have */
#ifndef PROPERTY
#define PROPERTY 191
#endif
#define must(property, holds) \
  if \
  :: ((PROPERTY) & property) != 0 && !(holds) -> printf("VIOLATED "); printf(#property); printf("\n"); assert(false) \
  :: else \
  fi

/* `kept(s)` is each model's: session s does not rely on a secret that the intruder knows. */
#define mustKeepSecrets() must(SECRECY, kept(1) && kept(2) && kept(3) && kept(4))

/* Who runs a session, and with whom. A and B do the same, so the first session is A's unless A's key is stolen. */
inline chooseOriginator(me) {
  if
  :: session[me].self = A
  :: me != 1 || STOLEN != 0 -> session[me].self = B
  fi;
  if
  :: session[me].peer = otherHonest(session[me].self)
  :: session[me].peer = I
  fi
}

/* The two recipients' sessions are alike, so the fourth session begins after the third. */
#define mayBegin(r) (r == 3 || session[3].stage != IDLE)
inline chooseRecipient(me) {
  if
  :: mayBegin(me) -> session[me].self = B
  :: mayBegin(me) -> session[me].self = A
  fi
}

/* Whom the intruder names as originator where nothing but the name says who it is. */
inline nameSender(me) {
  if
  :: session[me].peer = otherHonest(session[me].self)
  :: session[me].peer = I
  fi
}

/* A secret number for a message that the intruder makes. */
inline chooseKnown(secret) {
  if
  :: known[0] -> secret = 0
  :: known[1] -> secret = 1
  :: known[2] -> secret = 2
  :: known[3] -> secret = 3
  :: known[4] -> secret = 4
  fi
}

/* An originator's session begins at once or not at all: what is sent early can be delivered late. */
#define start() atomic { \
    session[0].self = I; \
    known[0] = true; \
    if \
    :: sendM1(1); run Originator(1) \
    :: skip \
    fi; \
    if \
    :: sendM1(2); run Originator(2) \
    :: skip \
    fi; \
    run Recipient(3); \
    run Recipient(4) \
  }

/*
 * Lines of the trail. Everything goes through the intruder: "A -> I(B)" is A's message to B, "I(A) -> B" what B gets as A's. kA1 is the
 * secret number that A made in session 1, kI0 the intruder's.
 */
#define letter(agent) (64 + (agent))
#define named(secret) letter(session[secret].self), secret
inline saySent(me) {
  printf("MSG %c -> I(%c) : ", letter(session[me].self), letter(session[me].peer))
}
inline sayReceived(me) {
  printf("MSG I(%c) -> %c : ", letter(session[me].peer), letter(session[me].self))
}
