import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { standardSuites, suiteNamed, suites } from "@sealane/crypto";
import { continuingContext, makePair, makeParty, type Party, recipientContext, withHeader } from "@sealane/testkit";
import { decode, encode } from "@sealane/wire";
import { acceptMessage, loadAwaitedReply, type Role } from "../../src/index.ts";
import { mechanismNumbers, roleNumbers } from "../../src/labels.ts";
import { codeOf } from "../codes.ts";
import { accepting, partiesOf, run, waysOf, wishOf } from "../ways.ts";

/** With keys of every suite: none is refused for want of a key. */
const pair = await makePair(suites);

/** What may come when one word of the envelope is exchanged: it is read first, and every COSE layer covers it. */
const refusals = new Set([
  "CRYPTO_SHARE_WRONG",
  "CRYPTO_SIGNATURE_WRONG",
  "COSE_HEADER_WRONG",
  "COSE_STRUCTURE_WRONG",
  "LINK_ANSWER_WRONG",
  "LINK_FIELD_WRONG",
  "LINK_GROUP_UNKNOWN",
  "LINK_MECHANISM_UNKNOWN",
  "LINK_MESSAGE_UNEXPECTED",
  "LINK_PEER_UNKNOWN",
  "LINK_PEER_WRONG",
  "LINK_RECIPIENT_WRONG",
  "PKI_PURPOSE_WRONG",
  "WIRE_SHAPE_WRONG",
]);

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: the words of the envelope", () => {
  for (const way of waysOf(() => true, [...standardSuites, suiteNamed("rsa2048")])) {
    test(`${way.ids} DIR: mechanism, number, sender and suite in the envelope cannot be exchanged (${way.title})`, async () => {
      const { steps, sent, group } = await run(pair, way);
      const changes = [
        ...Object.values(mechanismNumbers).map((mechanism) => ({ mechanism })),
        ...[1, 2, 3].map((number) => ({ number })),
        ...Object.values(roleNumbers).map((sender) => ({ sender })),
        ...suites.map(({ id: suite }) => ({ suite })),
      ];
      const isPlain = way.mechanism.name === "anonymous-agreement" && way.form === "plain";
      for (const step of steps) {
        for (const change of changes) {
          const forged = withHeader(step.message, change);
          if (Buffer.compare(forged, step.message) === 0) continue;
          const handlers = [
            ...(isPlain && step.name === "M1" ? [] : [step.give]),
            ...(["server", "terminal"] as const).map((role) => async (bytes: Uint8Array) => {
              const context = { ...recipientContext(pair[role], pair.authority), groups: group.memberships };
              pair[role].replay.entries.clear();
              const accepted = await acceptMessage(context, bytes);
              if (!isPlain || accepted.kind !== "answered" || sent.kind === "broadcast") return;
              // An anonymous value in clear is anybody's: then its originator refuses the answer.
              await loadAwaitedReply(sent.awaited.save()).receive(continuingContext(pair, wishOf(way)), accepted.reply);
            }),
          ];
          for (const give of handlers) {
            const code = await codeOf(() => give(forged));
            assert.ok(refusals.has(code), `${step.name} with ${JSON.stringify(change)}: ${code}`);
          }
        }
      }
    });
  }
});

test("DIR: another version, an unknown number and a wrong shape of the envelope have codes of their own", async () => {
  const [way] = waysOf();
  assert.ok(way !== undefined);
  const { steps } = await run(pair, way);
  const message = steps[0]?.message ?? assert.fail();
  const values = decode(message, message.length);
  assert.ok(Array.isArray(values));
  const cases: readonly (readonly [unknown, string])[] = [
    [values.with(0, 2), "LINK_VERSION_UNKNOWN"],
    [values.with(0, "1"), "LINK_VERSION_UNKNOWN"],
    [values.with(1, 0), "LINK_MECHANISM_UNKNOWN"],
    [values.with(1, 11), "LINK_MECHANISM_UNKNOWN"],
    [values.with(1, "signed-transport"), "LINK_MECHANISM_UNKNOWN"],
    [values.with(2, 0), "LINK_MESSAGE_UNEXPECTED"],
    [values.with(2, 4), "LINK_MESSAGE_UNEXPECTED"],
    [values.with(3, 3), "LINK_MESSAGE_UNEXPECTED"],
    [values.with(4, 0), "CRYPTO_SUITE_UNKNOWN"],
    [values.with(4, 8), "CRYPTO_SUITE_UNKNOWN"],
    [values.with(4, null), "LINK_MESSAGE_UNEXPECTED"],
    [values.slice(0, 5), "LINK_MESSAGE_UNEXPECTED"],
    [[...values, 0], "LINK_MESSAGE_UNEXPECTED"],
    [0, "LINK_MESSAGE_UNEXPECTED"],
  ];
  for (const [value, expected] of cases) {
    assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), encode(value as Parameters<typeof encode>[0]))), expected);
  }
  assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), new Uint8Array(65_537))), "WIRE_SIZE_EXCEEDED");
});

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: somebody else of the same role", () => {
  const others = new Map<Role, Party>();
  before(async () => {
    for (const role of ["server", "terminal"] as const) {
      const other = await makeParty(pair.authority, { name: "other", role });
      other.known.push(...pair[role].known);
      others.set(role, other);
    }
  });

  for (const way of waysOf(({ mechanism }) => !mechanism.broadcast)) {
    test(`${way.ids} DIR: another party of the recipient's role gets no link from M1 (${way.title})`, async () => {
      const { steps, sent } = await run(pair, way);
      const other = others.get(partiesOf(pair, way).to.self.role) ?? assert.fail();
      other.replay.entries.clear();
      const context = recipientContext(other, pair.authority);
      const code = await codeOf(async () => {
        const accepted = await acceptMessage(context, steps[0]?.message ?? assert.fail());
        // A value in clear names no terminal: another one takes it for its own, and its answer proves nothing.
        assert.ok(way.form === "plain" && way.originator === "server" && accepted.kind === "answered" && sent.kind === "sent");
        await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply);
      });
      const isUnnamed = way.mechanism.name === "anonymous-agreement" && way.form === "plain" && way.originator === "server";
      assert.equal(code, isUnnamed ? "LINK_ANSWER_WRONG" : "LINK_RECIPIENT_WRONG");
    });
  }
});
