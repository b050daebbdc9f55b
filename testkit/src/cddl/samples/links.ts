import { serverReplyCodec, terminalRequestCodec } from "@sealane/api";
import { Secret, type Suite, sha256, standardSuites, suites, systemRandom } from "@sealane/crypto";
import {
  acceptMessage,
  allowedTriples,
  type BroadcastLink,
  type ConfidentialLink,
  nothingVouched,
  type OriginateOptions,
  otherRole,
  type Role,
  type Triple,
  thirdModes,
} from "@sealane/link";
import { credentialCodec } from "@sealane/pki";
import { artefactId, digest, encode, encodeAs } from "@sealane/wire";
import { acceptingContext, broadcast, type EstablishWish, establish, makeGroup, originate } from "../../establish.ts";
import { makePair, type Pair, testNowSeconds } from "../../parties.ts";
import type { Samples } from "./sample.ts";
import { sampleLicence, sampleRelease } from "./software.ts";

/** Every mechanism on every suite, originated by either side, with each of its options. */
export async function linkSamples(samples: Samples): Promise<void> {
  samples.see("credential", encode(credentialCodec.toCbor({ kind: "pinned", spkiDigest: digest(systemRandom.bytes(32)) })));
  const pair = await makePair(suites);
  const licence = await sampleLicence(pair.authority);
  const release = await sampleRelease(pair.authority);
  for (const triple of allowedTriples()) {
    if (triple.mechanism.broadcast) await runBroadcast({ samples, pair, licence, release }, triple);
    else for (const options of variantsOf(triple, licence)) await runLink({ samples, pair, licence, release }, triple, options);
  }
}

interface Tools {
  readonly samples: Samples;
  readonly pair: Pair;
  readonly licence: Uint8Array;
  readonly release: Uint8Array;
}

type Options = Omit<OriginateOptions, "suite">;

/** What every mechanism between two parties may be told; times and challenges do not depend on the suite. */
function commonVariants(suite: Suite, licence: Uint8Array): readonly Options[] {
  const all = [{}, { licence, sendCertificate: true }, { expiresAtSeconds: testNowSeconds + 100 }, { challenge: systemRandom.bytes(32) }];
  return standardSuites.includes(suite) ? all : all.slice(0, 2);
}

/** The options of a mechanism; one that has some of its own stands here. */
function variantsOf({ mechanism, suite }: Triple, licence: Uint8Array): readonly Options[] {
  const common = commonVariants(suite, licence);
  switch (mechanism.name) {
    case "anonymous-agreement":
    case "signed-agreement":
      return [...common, { encrypted: true }];
    case "mutual-certified":
      return [...common, { twoWay: false }];
    case "mutual-agreement":
      return [...common, ...thirdModes.map((third) => ({ third }))];
    default:
      return common;
  }
}

/** All messages, then records both ways and a wrap. What is signed, encrypted, hashed and derived on the way is watched. */
async function runLink({ samples, pair, licence, release }: Tools, triple: Triple, options: Options): Promise<void> {
  const { mechanism, suite, originator } = triple;
  const wish: EstablishWish = { mechanism: mechanism.name, suite, originator, options, payload: payloadOf };
  if (options.challenge !== undefined) return await runChallenge({ samples, pair }, wish, options.challenge);
  const contents = mechanism.vouches ? [{ artefactId: artefactId(systemRandom.bytes(32)), licence, release }, nothingVouched] : [undefined];
  for (const third of contents) {
    const ends = await establish(pair, { ...wish, ...(third === undefined ? {} : { third }) });
    for (const message of ends.messages) samples.seeSent("link-message", message);
    exchange(samples, { near: ends.originator, far: ends.recipient, originator });
  }
}

/** M1 that answers a challenge: only its recipient reads it otherwise than one with a time. */
async function runChallenge({ samples, pair }: Pick<Tools, "samples" | "pair">, wish: EstablishWish, challenge: Uint8Array): Promise<void> {
  const sent = await originate(pair, wish);
  const context = acceptingContext(pair, wish.originator);
  const accepted = await acceptMessage({ ...context, freshness: { ...context.freshness, challenge } }, sent.message);
  samples.seeSent("link-message", sent.message);
  if (accepted.kind !== "broadcast") samples.seeSent("link-message", accepted.reply);
}

async function runBroadcast({ samples, pair, licence }: Tools, triple: Triple): Promise<void> {
  const { mechanism, suite, originator } = triple;
  for (const sendCertificate of [true, false]) {
    const group = makeGroup(suite);
    const ends = await broadcast(pair, { mechanism: mechanism.name, suite, originator, options: { licence, sendCertificate }, group });
    samples.seeSent("link-message", ends.message);
    wrap(samples, { from: ends.originator, to: ends.recipient, licence });
  }
}

/** Ordinary records both ways, a wrap, and what further keys are derived from. */
function exchange(
  samples: Samples,
  ends: { readonly near: ConfidentialLink; readonly far: ConfidentialLink; readonly originator: Role },
): void {
  const { near, far, originator } = ends;
  near.open(samples.seeSent("record", far.seal(payloadOf(otherRole(originator)), testNowSeconds)), testNowSeconds);
  far.open(samples.seeSent("record", near.seal(payloadOf(originator), testNowSeconds)), testNowSeconds);
  wrap(samples, { from: far, to: near, licence: systemRandom.bytes(64) });
  near.exportKey({ label: "sample", context: systemRandom.bytes(8), length: 32, nowSeconds: testNowSeconds })[Symbol.dispose]();
  using series = near.series(testNowSeconds);
  series.next(testNowSeconds).key[Symbol.dispose]();
}

function wrap(
  samples: Samples,
  ends: {
    readonly from: ConfidentialLink | BroadcastLink;
    readonly to: ConfidentialLink | BroadcastLink;
    readonly licence: Uint8Array;
  },
): void {
  const binding = { artefactId: artefactId(systemRandom.bytes(32)), licenceDigest: sha256(ends.licence), nowSeconds: testNowSeconds };
  const contentKey = Secret.take("content key", systemRandom.bytes(32));
  const wrapped = ends.from.wrap(contentKey, { ...binding, random: systemRandom });
  ends.to.unwrap(samples.see("wrap", wrapped), binding)[Symbol.dispose]();
}

function payloadOf(role: Role): Uint8Array {
  if (role === "server") return encodeAs(serverReplyCodec, { kind: "offers", offers: [], nowSeconds: testNowSeconds, newestOrder: 0 });
  return encodeAs(terminalRequestCodec, { kind: "offers", module: null, installed: [] });
}
