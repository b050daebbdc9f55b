import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { standardSuites, suites } from "@sealane/crypto";
import { acceptingContext, continuingContext, makePair, openPart, testNowSeconds } from "@sealane/testkit";
import { type CborValue, decode, equalBytes } from "@sealane/wire";
import { acceptMessage, decodeMessage, mechanisms, type OriginateOptions } from "../../src/index.ts";
import { pad, unpad } from "../../src/padding.ts";
import { codeOf } from "../codes.ts";
import { accepting, begin, licence, partiesOf, run, type Way, waysOf, wishOf } from "../ways.ts";

const pair = await makePair(suites);
/** The largest RSA suites differ from rsa2048 in sizes only. */
const withoutLargest = suites.filter(({ name }) => name !== "rsa3072" && name !== "rsa4096");
const now = testNowSeconds;
const isAnonymous = ({ mechanism }: Way): boolean => mechanism.anonymous === "originator";

/** M1 with these options, accepted and answered; gives it. */
async function linked(way: Way, options: Omit<OriginateOptions, "suite">): Promise<Uint8Array> {
  const sent = await begin(pair, way, { options });
  const context = accepting(pair, way);
  const { challenge } = options;
  const freshness = { ...context.freshness, ...(challenge === undefined ? {} : { challenge }) };
  const accepted = await acceptMessage({ ...context, freshness }, sent.message);
  assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast", way.title);
  const { link } = await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply);
  if (accepted.kind === "answered") assert.deepEqual(link.id, accepted.link.id, way.title);
  return sent.message;
}

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 OPT: what may be there or not", () => {
  for (const way of waysOf(({ mechanism }) => !mechanism.broadcast, withoutLargest)) {
    test(`${way.ids} OPT: licence, certificates and, in the place of the time, a challenge may be there or not (${way.title})`, async () => {
      const challenge = new Uint8Array(32).fill(3);
      for (const options of [{}, { licence }, { sendCertificate: true }, { challenge }, { licence, sendCertificate: true, challenge }]) {
        await linked(way, options);
      }
      // Where M1 brings a licence it comes out as it went in; mutual-agreement has it in M3.
      const { accepted } = await run(pair, way, { options: { licence } });
      if (accepted.kind === "answered") assert.deepEqual(accepted.licence, licence);
      const { accepted: without } = await run(pair, way);
      if (without.kind === "answered") assert.equal(without.licence, null);
      for (const wrong of [new Uint8Array(0), new Uint8Array(24_577)]) {
        const code = await codeOf(() => begin(pair, way, { options: { licence: wrong } }));
        assert.equal(code, way.mechanism.name === "mutual-agreement" ? "accepted" : "LINK_FIELD_WRONG");
      }
    });
  }
});

describe("EQ6 EQ7 OPT ANON: what a party without a name leaves out", () => {
  for (const way of waysOf((each) => isAnonymous(each), suites)) {
    test(`${way.ids} OPT ANON: a party without a name leaves out time and recipient, each or both (${way.title})`, async () => {
      const { to } = partiesOf(pair, way);
      for (const omit of [["time"], ["recipient"], ["time", "recipient"]] as const) {
        const message = await linked(way, { omit });
        const content = await contentOf(way, message);
        assert.equal(content.includes(to.self.name), !(omit as readonly string[]).includes("recipient") && way.form !== "plain");
        assert.equal(content.includes(now), !(omit as readonly string[]).includes("time"));
      }
    });

    test(`${way.ids} ANON: nothing in M1 tells one party from another (${way.title})`, async () => {
      const { from } = partiesOf(pair, way);
      const message = await linked(way, {});
      const everything = [message, ...(way.form === "plain" ? [] : [await openPart(message, partiesOf(pair, way).to)])];
      const telling = [
        new TextEncoder().encode(from.self.name),
        from.signing.thumbprint,
        ...from.certificates.map(({ thumbprint }) => thumbprint),
        from.signing.publicKey.raw,
        ...from.certificates.map(({ publicKey }) => publicKey.raw),
      ];
      for (const bytes of everything) for (const part of telling) assert.ok(!Buffer.from(bytes).includes(part));
    });
  }
});

/** The values that M1 says, inside its encryption where there is one. */
async function contentOf(way: Way, message: Uint8Array): Promise<readonly CborValue[]> {
  if (way.form === "plain") return (decodeMessage(message).body as readonly CborValue[])[2] as readonly CborValue[];
  const valueBytes = way.mechanism.name === "anonymous-agreement" ? way.suite.agreement.valueBytes : 0;
  return decode(unpad(await openPart(message, partiesOf(pair, way).to), valueBytes), 50_000) as readonly CborValue[];
}

describe("EQ6 EQ7 ANON: how long M1 is", () => {
  for (const way of waysOf((each) => isAnonymous(each) && each.form !== "plain", suites)) {
    test(`${way.ids} ANON: every M1 without a licence has one length, and one with a licence is of a few (${way.title})`, async () => {
      const challenge = new Uint8Array(32).fill(3);
      const lengths = new Set<number>();
      const far = 2 ** 33 - now;
      for (const options of [
        {},
        { challenge },
        { expiresAtSeconds: now + 60 },
        { expiresAtSeconds: 2 ** 53 - 1 },
        { omit: ["time"] },
        { omit: ["recipient"] },
        { omit: ["time", "recipient"] },
        { keyLifeSeconds: 1 },
        { keyLifeSeconds: far },
        { challenge, expiresAtSeconds: 2 ** 53 - 1, keyLifeSeconds: far },
      ] satisfies Omit<OriginateOptions, "suite">[]) {
        lengths.add((await begin(pair, way, { options })).message.length);
      }
      assert.equal(lengths.size, 1, `lengths ${[...lengths].join(", ")}`);
      const licensed = new Set<number>();
      const factor = standardSuites.includes(way.suite) ? 1.1 : 1.8;
      for (let bytes = 1; bytes <= 24_576; bytes = Math.ceil(bytes * factor) + 40) {
        licensed.add((await begin(pair, way, { options: { licence: new Uint8Array(bytes) } })).message.length);
      }
      assert.ok(licensed.size <= 7, `lengths ${[...licensed].join(", ")}`);
    });
  }
});

test("EQ6 EQ7 ANON: padding has one form, and what is padded otherwise is refused", () => {
  for (let length = 0; length <= 1_100; length++) {
    const content = new Uint8Array(length).fill(0x80);
    const padded = pad(content);
    assert.ok(padded.length >= 512 && Number.isInteger(Math.log2(padded.length)) && padded.length > length);
    assert.ok(equalBytes(unpad(padded), content));
  }
  const padded = pad(new Uint8Array(10).fill(1));
  const wrong: readonly Uint8Array[] = [
    new Uint8Array(0),
    new Uint8Array(512),
    padded.subarray(0, 256),
    padded.subarray(1),
    Uint8Array.from([...padded, ...new Uint8Array(512)]),
    padded.with(10, 0),
    padded.with(10, 0x81),
    padded.with(511, 1),
    Uint8Array.from([...new Uint8Array(511).fill(1), 0x80, ...new Uint8Array(511), 0]),
  ];
  for (const bytes of wrong) assert.throws(() => unpad(bytes), { code: "LINK_FIELD_WRONG" });
  // A value of 384 bytes leaves 128 of 512, which a long name would exceed.
  assert.deepEqual(
    [0, 32, 256, 257, 384, 512, 1_120].map((valueBytes) => pad(new Uint8Array(1), valueBytes).length),
    [512, 512, 512, 1_024, 1_024, 1_024, 2_048],
  );
  assert.throws(() => unpad(padded, 384), { code: "LINK_FIELD_WRONG" });
});

test("EQ6 ANON DIR: a server does not originate anonymous-transport, and one that does is refused", async () => {
  const [way] = waysOf(({ mechanism }) => mechanism.name === "anonymous-transport");
  assert.ok(way !== undefined);
  const mirrored: Way = { ...way, originator: "server" };
  assert.equal(await codeOf(() => begin(pair, mirrored)), "LINK_MECHANISM_UNKNOWN");
  assert.equal(mechanisms["anonymous-transport"].equations.server, undefined);
});

test("EQ1 EQ2 EQ3 EQ5 EQ7S EQ8 EQ11 EQ14 OPT: who must be named is", async () => {
  for (const way of waysOf((each) => !isAnonymous(each))) {
    const { to } = partiesOf(pair, way);
    const context = {
      self: { name: null, role: way.originator },
      recipient: to.certificates,
      nowSeconds: now,
      random: acceptingContext(pair, way.originator).random,
    } as const;
    assert.equal(await codeOf(() => way.mechanism.originate(context, { ...way.options, suite: way.suite })), "LINK_FIELD_WRONG", way.title);
    if (way.mechanism.broadcast) continue;
    const unnamed = { ...acceptingContext(pair, way.originator), self: { name: null, role: to.self.role } } as const;
    const { message } = await begin(pair, way);
    assert.equal(await codeOf(() => acceptMessage(unnamed, message)), "LINK_MESSAGE_UNEXPECTED", way.title);
  }
});
