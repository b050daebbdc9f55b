import assert from "node:assert/strict";
import { Secret, type SuiteName, sha256, suiteNamed } from "@sealane/crypto";
import {
  acceptingContext,
  continuingContext,
  type EstablishWish,
  firstPayload,
  makeGroup,
  originate,
  type Pair,
  seededRandom,
  type TestGroup,
  testNowSeconds,
} from "@sealane/testkit";
import { parseName } from "@sealane/wire";
import {
  acceptMessage,
  ConfidentialLink,
  type ExportInput,
  type GroupRecord,
  loadAwaitedReply,
  type MechanismName,
  type OriginateOptions,
  type RecipientContext,
  type Role,
  type ThirdContent,
  UnconfirmedLink,
  type WrapBinding,
} from "../../src/index.ts";
import { artefact, licence, thirdContent, type Way } from "../ways.ts";
import { hex } from "./fixed-parties.ts";

/**
 * One run of a mechanism between the parties of a file, byte strings in hex. Each party draws its random bytes from `seededRandom` of
 * the testkit, seeded with the vector's seed and the name of the message that it makes; those of ML-KEM, RSA, ECDSA and ML-DSA cannot be
 * chosen ({@link isChosen}).
 */
export interface Vector {
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  readonly originator: Role;
  readonly form: string;
  readonly seed: string;
  readonly group: { readonly groupId: string; readonly epoch: number; readonly secret: string; readonly expiresAtSeconds: number } | null;
  /** M1, then the answer or M2, then M3. */
  readonly messages: readonly string[];
  /** What the originator keeps while it waits for the second message, and the recipient while it waits for the third. */
  readonly originatorState: string | null;
  readonly recipientState: string | null;
  /** The link at its recipient before the first record; of a broadcast none. */
  readonly recipientLink: string | null;
  readonly th: string;
  readonly prk: string | null;
  readonly linkId: string | null;
  /** 32 bytes for the label "vector" and the context 01 02 03. */
  readonly exportedKey: string | null;
  /** The first two session keys. */
  readonly sessionKeys: readonly string[];
  /** The first record of the party that writes first, with the payload "first". */
  readonly firstRecord: string | null;
  /** The content key of 32 bytes 09, wrapped by the originator. */
  readonly wrap: string;
}

const now = testNowSeconds;
const exportInput: ExportInput = { label: "vector", context: Uint8Array.of(1, 2, 3), length: 32, nowSeconds: now };
export const wrapBinding: Omit<WrapBinding, "random"> = { artefactId: artefact, licenceDigest: sha256(licence), nowSeconds: now };

/** What a vector is a run of. */
export interface Case {
  readonly wish: EstablishWish;
  readonly third: ThirdContent;
  readonly group: TestGroup | null;
}

/** M1 brings a licence where there is room for one, so that the vectors have both. */
export function caseOf(way: Pick<Way, "suite" | "originator" | "options" | "mechanism" | "form">, group: TestGroup | null): Case {
  const options: Omit<OriginateOptions, "suite"> = {
    licence,
    ...way.options,
    sendCertificate: way.form === "" || way.form === "two-way",
    ...(group === null ? {} : { group: group.record }),
  };
  return { wish: { mechanism: way.mechanism.name, suite: way.suite, originator: way.originator, options }, third: thirdContent, group };
}

/** The randomness of the party that makes a message. */
export function randomOf(seed: string, message: "M1" | "M2" | "M3" | "wrap"): ReturnType<typeof seededRandom> {
  return seededRandom(`${seed} ${message}`);
}

/**
 * Whether a message comes out the same whenever its randomness is: it has no ciphertext or value of X-Wing, no RSA-OAEP and no
 * signature but of Ed25519. An answer always does.
 */
export function isChosen({ mechanism, suite, form }: Pick<Vector, "mechanism" | "suite" | "form">, message: "M1" | "M2" | "M3"): boolean {
  const { encryption, agreement, signingKind } = suiteNamed(suite);
  const { encrypted, signed, agreed } = madeOf(mechanism, form)[message];
  if (encrypted && encryption.keyKind !== "x25519" && encryption.keyKind !== "p256") return false;
  if (agreed && agreement.keyKind === "x-wing") return false;
  return !signed || signingKind === "ed25519";
}

/** What a message is made of: P_X, S_X, g^y. */
interface Parts {
  readonly encrypted: boolean;
  readonly signed: boolean;
  readonly agreed: boolean;
}

const nothing: Parts = { encrypted: false, signed: false, agreed: false };
const encrypted: Parts = { ...nothing, encrypted: true };
const signed: Parts = { ...nothing, signed: true };

function madeOf(mechanism: MechanismName, form: string): Readonly<Record<"M1" | "M2" | "M3", Parts>> {
  const first = (M1: Parts): Readonly<Record<"M1" | "M2" | "M3", Parts>> => ({ M1, M2: nothing, M3: nothing });
  switch (mechanism) {
    case "signed-transport":
    case "recovered-transport":
      return first({ ...encrypted, signed: true });
    case "open-broadcast":
      return first(signed);
    case "group-broadcast":
      return first({ ...signed, agreed: true });
    case "anonymous-transport":
      return first(encrypted);
    case "anonymous-agreement":
      return first({ encrypted: form === "encrypted", signed: false, agreed: true });
    case "signed-agreement":
      return first({ encrypted: form === "encrypted", signed: true, agreed: true });
    case "mutual-nonce":
      return { M1: encrypted, M2: encrypted, M3: encrypted };
    case "mutual-certified": {
      const both: Parts = { ...encrypted, signed: true };
      return { M1: both, M2: form === "two-way" ? both : nothing, M3: nothing };
    }
    case "mutual-agreement":
      return { M1: encrypted, M2: { ...encrypted, agreed: true }, M3: { ...nothing, signed: form !== "unsigned" } };
  }
}

export function accepting(pair: Pair, { wish, group }: Case, seed: string): RecipientContext {
  const context = acceptingContext(pair, wish.originator, { random: randomOf(seed, "M2") });
  return group === null ? context : { ...context, groups: group.memberships };
}

/** Runs a mechanism and writes everything down. */
export async function makeVector(pair: Pair, way: Way): Promise<Vector> {
  const { mechanism, suite, originator, form } = way;
  const seed = `${mechanism.name} ${form} ${suite.name} ${originator}`;
  const group = mechanism.name === "group-broadcast" ? makeGroup(suite) : null;
  const about = caseOf(way, group);
  const common = { mechanism: mechanism.name, suite: suite.name, originator, form, seed, group: groupOf(group) };
  const sent = await originate(pair, about.wish, { random: randomOf(seed, "M1") });
  const accepted = await acceptMessage(accepting(pair, about, seed), sent.message);
  if (sent.kind === "broadcast" || accepted.kind === "broadcast") {
    assert.ok(sent.kind === "broadcast");
    const none = { originatorState: null, recipientState: null, recipientLink: null, prk: null, linkId: null, exportedKey: null };
    const wrap = hex(sent.link.wrap(contentKey(), { ...wrapBinding, random: randomOf(seed, "wrap") }));
    return { ...common, ...none, messages: [hex(sent.message)], th: hex(sent.link.th), sessionKeys: [], firstRecord: null, wrap };
  }
  const originatorState = sent.awaited.save();
  const near = continuingContext(pair, about.wish, { random: randomOf(seed, "M3") });
  const { link: made, message: third } = await loadAwaitedReply(originatorState).receive(near, accepted.reply, about.third);
  const recipientState = accepted.kind === "waiting" ? accepted.awaited.save() : null;
  const messages = [sent.message, accepted.reply, ...(third === null ? [] : [third])].map(hex);
  const begun = {
    ...common,
    messages,
    originatorState: secretHex(originatorState),
    recipientState: recipientState === null ? null : secretHex(recipientState),
  };
  if (accepted.kind === "answered") {
    assert.ok(made instanceof ConfidentialLink);
    const recipientLink = secretHex(accepted.link.save());
    return { ...begun, recipientLink, ...factsOf(made, seed), firstRecord: hex(made.seal(firstPayload, now)) };
  }
  const { link: far } = await accepted.awaited.receive(accepting(pair, about, seed), third ?? assert.fail());
  const recipientLink = secretHex(far.save());
  const firstRecord = far.seal(firstPayload, now);
  const confirmed = made instanceof UnconfirmedLink ? made.confirm(firstRecord, now).link : made;
  return { ...begun, recipientLink, ...factsOf(confirmed, seed), firstRecord: hex(firstRecord) };
}

type Facts = Pick<Vector, "th" | "prk" | "linkId" | "exportedKey" | "sessionKeys" | "wrap">;

/** What a link is known by at both ends; `prk` is read from its saved state. */
export function factsOf(link: ConfidentialLink, seed: string): Facts {
  const copy = ConfidentialLink.load(link.save());
  const series = copy.series(now);
  return {
    th: hex(link.th),
    prk: hex(prkOf(link)),
    linkId: hex(link.id),
    exportedKey: secretHex(link.exportKey(exportInput)),
    sessionKeys: [secretHex(series.next(now).key), secretHex(series.next(now).key)],
    wrap: hex(copy.wrap(contentKey(), { ...wrapBinding, random: randomOf(seed, "wrap") })),
  };
}

/** The group of a vector. */
export function groupFrom({ group, suite }: Vector): TestGroup | null {
  if (group === null) return null;
  const secret = Secret.take("agreement seed", Uint8Array.fromHex(group.secret));
  const { epoch, expiresAtSeconds } = group;
  const publicValue = suiteNamed(suite).agreement.publicOf(secret);
  const record: GroupRecord = { groupId: parseName(group.groupId), epoch, publicValue, expiresAtSeconds };
  return { record, secret, memberships: { find: () => ({ ...record, secret }) } };
}

export function contentKey(): Secret<"content key"> {
  return Secret.take("content key", new Uint8Array(32).fill(9));
}

export function secretHex(secret: Secret): string {
  return secret.use(hex);
}

function groupOf(group: TestGroup | null): Vector["group"] {
  if (group === null) return null;
  const { groupId, epoch, expiresAtSeconds } = group.record;
  return { groupId, epoch, expiresAtSeconds, secret: secretHex(group.secret) };
}

/** The one string of 32 bytes behind th in a saved link. */
function prkOf(link: ConfidentialLink): Uint8Array {
  return link.save().use((bytes) => {
    const at = Buffer.from(bytes).indexOf(link.th) + 32;
    return bytes.slice(at + 2, at + 34);
  });
}
