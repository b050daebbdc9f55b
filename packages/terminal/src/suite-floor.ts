import type { ChainList } from "@sealane/api";
import { cryptoErrors, type Suite, type SuiteName, strongestFirst, suiteNamed, suites, suitesOfKeys } from "@sealane/crypto";
import { type Certificate, parseCertificate } from "@sealane/pki";
import { bytesAs, type Codec, equalBytes, literal, oneOf, type Thumbprint, thumbprint, tuple } from "@sealane/wire";
import { loadState, removeFile, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import type { Identity } from "./identity.ts";
import { stateVersion } from "./labels.ts";
import type { Terminal } from "./terminal.ts";
import { enrolmentOf } from "./trust.ts";

/**
 * The weakest suite that this terminal takes without being told (docs/protocol.md, strength of suites): the strongest that it agreed with its
 * server, at its enrolment. Its certificates say which; what somebody with the right to it has lowered stands in a file of its own.
 */

interface LoweredFloor {
  readonly version: typeof stateVersion;
  /** The enrolment that it is for: the thumbprint of the first signing certificate. */
  readonly enrolment: Thumbprint;
  readonly suite: SuiteName;
}

const loweredCodec: Codec<LoweredFloor> = tuple<LoweredFloor>({
  version: literal(stateVersion),
  enrolment: bytesAs(thumbprint),
  suite: oneOf(suites.map(({ name }) => name)),
});

const loweredFile: StateFile<LoweredFloor> = { codec: loweredCodec, maxBytes: 128, what: "suite floor" };

/** The suites that this terminal and its server have certificates for, the strongest first. Errors: those of `parseCertificate`. */
export function agreedSuites(identity: Identity): readonly Suite[] {
  const leavesOf = (chains: ChainList): readonly Certificate[] => chains.map(leafOf);
  const ownOf = (keys: Identity["signing"]): readonly Certificate[] => leavesOf(keys.map(({ chain }) => chain));
  const { signing, decryption, agreement, serverSigningChains, serverDecryptionChains, serverAgreementChains } = identity;
  const own = suitesOfKeys({ signing: ownOf(signing), decryption: ownOf(decryption), agreement: ownOf(agreement) });
  const theirs = suitesOfKeys({
    signing: leavesOf(serverSigningChains),
    decryption: leavesOf(serverDecryptionChains),
    agreement: leavesOf(serverAgreementChains),
  });
  return strongestFirst(own.filter((suite) => theirs.includes(suite)));
}

function leafOf([leaf]: readonly Uint8Array[]): Certificate {
  return parseCertificate(leaf ?? new Uint8Array(0));
}

/** The floor of an enrolment. Errors: CRYPTO_SUITE_UNKNOWN when both have none in common; TERMINAL_STATE_DAMAGED. */
export async function suiteFloorOf(terminal: Terminal, identity: Identity): Promise<Suite> {
  const lowered = await loadState(terminal.folder.suiteFloor, loweredFile);
  if (lowered !== null && equalBytes(lowered.enrolment, enrolmentOf(identity))) return suiteNamed(lowered.suite);
  const [strongest] = agreedSuites(identity);
  if (strongest === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: "", peer: identity.serverName });
  return strongest;
}

/**
 * Puts the floor of this enrolment elsewhere: for whoever has proven that he may. The caller holds the lock of the downloads.
 * Errors: CRYPTO_SUITE_UNKNOWN for a suite that terminal and server do not share; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function setSuiteFloor(terminal: Terminal, identity: Identity, suite: Suite): Promise<void> {
  const shared = agreedSuites(identity);
  if (!shared.includes(suite)) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, peer: identity.serverName });
  if (suite === shared[0]) return await removeFile(terminal.folder.suiteFloor);
  await saveState(terminal.folder.suiteFloor, loweredFile, { version: stateVersion, enrolment: enrolmentOf(identity), suite: suite.name });
}

/** Refuses an enrolment whose suites are all weaker than the floor, unless the user named one of them. Error: TERMINAL_SUITE_WEAKER. */
export function requireNoWeaker(
  agreed: readonly Suite[],
  given: { readonly floor: Suite | null; readonly named: readonly string[] | undefined },
): void {
  const { floor, named } = given;
  const isStrong = floor === null || agreed.some(({ strength }) => strength >= floor.strength);
  if (isStrong || agreed.some(({ name }) => named?.includes(name))) return;
  throw terminalErrors.error("TERMINAL_SUITE_WEAKER", { suites: agreed.map(({ name }) => name).join(" "), floor: floor.name });
}

/** What somebody else began is compared with. */
export interface TakenSuite {
  readonly suite: Suite;
  /** What the user of this terminal asked for. */
  readonly named: Suite | null;
  /** Nothing is encrypted by it: only its signature counts. */
  readonly isOnlySigned?: boolean;
}

/** Refuses a message that somebody began on a weaker suite than the floor, unless the user named it. Error: TERMINAL_SUITE_WEAKER. */
export function requireStrongEnough(floor: Suite, { suite, named, isOnlySigned = false }: TakenSuite): void {
  const strength = isOnlySigned ? signatureStrengthOf : ({ strength: whole }: Suite): number => whole;
  if (suite === named || strength(suite) >= strength(floor)) return;
  throw terminalErrors.error("TERMINAL_SUITE_WEAKER", { suite: suite.name, floor: floor.name });
}

/** The suites of strength 2 sign as those of strength 1 do. */
function signatureStrengthOf({ strength }: Suite): number {
  return strength === 2 ? 1 : strength;
}
