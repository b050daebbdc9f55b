/** The two kinds of party. Every link is between one and the other; which is which, two equal parties settle as they like. */
export type Role = "server" | "terminal";

/**
 * Mechanisms between two parties with names: what `Party.originate` takes. {@link LinkProperties} says what a link of each promises.
 *
 * ```text
 * signed-transport     one message and its answer; the originator signs
 * recovered-transport  the same; the signature contains the key itself
 * signed-agreement     the same, from a fresh value and the recipient's agreement key
 * mutual-certified     both sign
 * mutual-nonce         three messages, without a signature; names are hidden from outsiders
 * mutual-agreement     three messages; forward secret; names are hidden from outsiders
 * ```
 */
export const namedMechanisms = [
  "signed-transport",
  "recovered-transport",
  "signed-agreement",
  "mutual-certified",
  "mutual-nonce",
  "mutual-agreement",
] as const;
/** One of {@link namedMechanisms}. */
export type NamedMechanism = (typeof namedMechanisms)[number];

/** Mechanisms of an originator without a name, to a recipient's decryption or agreement key: what `AnonymousParty.originate` takes. */
export const anonymousMechanisms = ["anonymous-transport", "anonymous-agreement"] as const;
/** One of {@link anonymousMechanisms}. */
export type AnonymousMechanism = (typeof anonymousMechanisms)[number];

/** Mechanisms of one message to many: to everybody who hears it, and to the members of a group. */
export const broadcastMechanisms = ["open-broadcast", "group-broadcast"] as const;
/** One of {@link broadcastMechanisms}. */
export type BroadcastMechanism = (typeof broadcastMechanisms)[number];

/** The ways to establish a link (docs/protocol.md, mechanisms). */
export type MechanismName = NamedMechanism | AnonymousMechanism | BroadcastMechanism;

/**
 * How the third message of `mutual-agreement` vouches for the artefact and the licence that it brings. Their names are encrypted in
 * each of them, and the originator's signature binds them to this link.
 *
 * ```text
 * signed             the signature covers both, and is encrypted with them
 * signed-beside      the signature covers what is encrypted, beside it
 * licence-signed     the signature contains the licence and covers the artefact
 * licence-encrypted  the signature covers the encrypted licence and the artefact
 * unsigned           no signature: who holds the link's key says so, and nobody can prove it to others
 * ```
 */
export type ThirdMode = "signed" | "unsigned" | "signed-beside" | "licence-signed" | "licence-encrypted";
