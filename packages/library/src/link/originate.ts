import { defaultSuite, type SuiteName } from "@sealane/crypto";
import { type OriginateOptions as CoreOptions, challengeBytes, defaultKeyLifeSeconds, linkErrors, mechanismNamed } from "@sealane/link";
import type { VerifiedCertificate } from "@sealane/pki";
import type { AnonymousMechanism, MechanismName, ThirdMode } from "../mechanism.ts";
import { argumentWrong, requireBytes, requireSeconds, suiteArgument } from "../own-arguments.ts";
import { keepPending, type Own, originatorContext, pendingReference, requireLicence } from "./party-context.ts";

/** What can be told of every link that is originated. */
export interface CommonOriginateOptions {
  /** `hybrid` (post-quantum encryption) unless told. */
  readonly suite?: SuiteName;
  /** How long the link's keys live: a day unless told; never longer than the certificates of both. */
  readonly keyLifeSeconds?: number;
  /** Until when a recipient that stores messages may accept this one; unless told it is for now. */
  readonly expiresAtSeconds?: number;
  /** The 32 bytes that a recipient without a clock asked to have back (`Challenge`). */
  readonly challenge?: Uint8Array;
}

/** The same where the originator has a name. */
export interface NamedOriginateOptions extends CommonOriginateOptions {
  /** Sends the own certificates along; unless told they are sent. False for a recipient that finds them by itself. */
  readonly sendCertificate?: boolean;
}

/** Of a mechanism whose first message carries a licence. */
export interface WithLicence {
  /** An encoded licence of up to 16 KiB that travels in the message; the signature covers it where there is one. */
  readonly licence?: Uint8Array;
}

/** How a link is originated; each mechanism has its own options. */
export type OriginateOptions = NamedOriginateOptions &
  (
    | (WithLicence & {
        /** `signed-transport` unless told. */
        readonly mechanism?: "signed-transport" | "recovered-transport" | "mutual-nonce";
      })
    | (WithLicence & {
        readonly mechanism: "signed-agreement";
        /** Encrypts the first message to the recipient's decryption key: unless told it names both parties in clear. */
        readonly encrypted?: boolean;
      })
    | (WithLicence & {
        readonly mechanism: "mutual-certified";
        /** Whether the recipient must sign too; unless told it must. */
        readonly twoWay?: boolean;
      })
    | {
        readonly mechanism: "mutual-agreement";
        /** How the third message vouches for what it brings: `signed` unless told. */
        readonly third?: ThirdMode;
      }
  );

/** How an anonymous link is originated. */
export type AnonymousOriginateOptions = CommonOriginateOptions &
  WithLicence & {
    /** `anonymous-transport` unless told. */
    readonly mechanism?: AnonymousMechanism;
    /** `anonymous-agreement`: encrypts the first message to the recipient's decryption key as well; unless told it is in clear. */
    readonly encrypted?: boolean;
  };

/** A link that was originated. */
export interface OriginatedLink {
  /** For the recipient, by any way. */
  readonly message: Uint8Array;
  /** Names the pending state. */
  readonly reference: string;
}

/** Makes M1 and keeps the wait for its reply. Errors: as of `Party.originate`. */
export async function originateLink(
  own: Own,
  to: readonly VerifiedCertificate[],
  given: {
    readonly mechanism: MechanismName;
    readonly allowed: readonly MechanismName[];
    readonly suite: SuiteName | undefined;
    readonly options: Omit<CoreOptions, "suite">;
  },
): Promise<OriginatedLink> {
  const { options } = given;
  if (!given.allowed.includes(given.mechanism)) throw argumentWrong("mechanism", given.allowed.join(", "));
  if (!Array.isArray(to) || to.length === 0) throw argumentWrong("to", "the certificates of the recipient");
  const suite = suiteArgument(given.suite ?? defaultSuite.name);
  requireSeconds("keyLifeSeconds", options.keyLifeSeconds, 1);
  requireSeconds("expiresAtSeconds", options.expiresAtSeconds ?? undefined, 0);
  if (options.challenge !== undefined) requireChallenge(options.challenge);
  if (options.licence !== undefined) requireLicence(options.licence);
  const { name: mechanism, equations, originate } = mechanismNamed(given.mechanism);
  if (equations[own.self.role] === undefined) throw argumentWrong("mechanism", `one that a ${own.self.role} originates`);
  const context = originatorContext(own, to);
  const sent = await originate(context, { ...options, suite });
  if (sent.kind !== "sent") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism });
  const { message, awaited } = sent;
  using _ = awaited;
  const reference = pendingReference(awaited.reference, "reply");
  const expiresAtSeconds = context.nowSeconds + (options.keyLifeSeconds ?? defaultKeyLifeSeconds);
  await keepPending(own, { reference, awaits: "reply", expiresAtSeconds, saved: awaited.save() });
  return { message, reference };
}

function requireChallenge(challenge: Uint8Array): void {
  requireBytes("challenge", challenge);
  if (challenge.length !== challengeBytes) throw argumentWrong("challenge", `${challengeBytes} bytes`);
}
