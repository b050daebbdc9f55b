import { join } from "node:path";
import { inboxMessagesCodec } from "@sealane/api";
import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { suiteNumbered, systemRandom } from "@sealane/crypto";
import { maxMessageBytes, protocolLabel } from "@sealane/link";
import { type CborValue, decode, decodeAs, encode, encodeAs, exitCodes } from "@sealane/wire";
import { removeTree } from "../remove-tree.ts";
import { demand } from "./failure.ts";
import type { Hooks } from "./hooks.ts";
import { inRequest, truncated, unknown } from "./message-faults.ts";
import type { CommandRun } from "./processes.ts";
import { insider, type TamperBench, type TamperCase, victim } from "./tamper-bench.ts";
import type { Fault, ProxiedReply } from "./tampering-proxy.ts";
import { decryptionKeyOf } from "./terminal-key.ts";

/** Genuine messages in wrong places: for another terminal, forwarded, replayed, late; and what a terminal says of its inbox. */

const { nothingToDo, notTrusted } = exitCodes;
const hourSeconds = 3_600;
const toInbox: Fault["on"] = ({ path }) => path.startsWith("/v1/inbox");
const toLinks: Fault["on"] = ({ method, path }) => method === "POST" && path === "/v1/links";

export const forgedCases: readonly TamperCase[] = [
  inboxCase("message for another terminal", "LINK_RECIPIENT_WRONG", async (bench) => await messageFor(bench, insider)),
  inboxCase("signature forwarded by its recipient", "CRYPTO_SIGNATURE_WRONG", async (bench) => {
    return await forward(bench, await messageFor(bench, insider));
  }),
  inboxCase("message of the server replayed", "LINK_MESSAGE_REPLAYED", async (bench) => {
    const message = await messageFor(bench, victim);
    await bench.terminal(victim, "fetch", bench.after.module, "--originator", "server");
    removeTree(join(bench.installation.terminalState(victim), "downloads")); // else that is what the next fetch gives
    return message;
  }),
  inboxCase("message of the server of an unknown suite", "CRYPTO_SUITE_UNKNOWN", async (bench) =>
    unknown("suite")(await messageFor(bench, victim)),
  ),
  inboxCase("message of the server truncated", "WIRE_TRUNCATED", async (bench) => truncated(await messageFor(bench, victim))),
  inboxCase("message of the server a day late", "LINK_MESSAGE_EXPIRED", async (bench) => await messageFor(bench, victim), {
    clockSeconds: 25 * hourSeconds,
  }),
  inboxCase("message of a server whose clock is an hour ahead", "LINK_MESSAGE_FUTURE", async (bench) => {
    await bench.restartServer({ clockSeconds: hourSeconds });
    const message = await messageFor(bench, victim, { clockSeconds: hourSeconds });
    await bench.restartServer();
    return message;
  }),
  endlessCase("message of the server repeated without end", () => 1),
  endlessCase("messages of the server without end", (asked) => asked),
  {
    name: "M1 replayed",
    exit: notTrusted,
    codes: ["LINK_REFUSED"],
    logged: "LINK_MESSAGE_REPLAYED",
    meet: async (bench) => await replay(bench, async () => {}),
  },
  {
    name: "M1 replayed after a restart of the server",
    exit: notTrusted,
    codes: ["LINK_REFUSED"],
    meet: async (bench) => await replay(bench, async () => await bench.restartServer()),
  },
];

/** A message that the terminal finds in its inbox, and passes over with a code. */
function inboxCase(name: string, code: string, make: (bench: TamperBench) => Promise<Uint8Array>, hooks: Hooks = {}): TamperCase {
  return {
    name,
    exit: nothingToDo,
    codes: [code],
    async meet(bench) {
      const message = await make(bench);
      bench.proxy.fault = inInbox(message);
      return await bench.installation.terminal(victim, [...waiting, bench.after.module], { hooks });
    },
  };
}

/** An inbox that always has a message, which somebody on the way puts there; `positionOf` tells which at the nth request. */
function endlessCase(name: string, positionOf: (asked: number) => number): TamperCase {
  return {
    name,
    exit: nothingToDo,
    codes: ["LINK_RECIPIENT_WRONG"],
    async meet(bench) {
      const message = await messageFor(bench, insider);
      let asked = 0;
      bench.proxy.fault = { on: toInbox, reply: (reply) => inboxReply(reply, [{ position: positionOf(++asked), message }]) };
      return await bench.installation.terminal(victim, [...waiting, bench.after.module]);
    },
  };
}

const waiting = ["fetch", "--originator", "server", "--wait", "0"] as const;

/** Puts a message in the inbox, once, in place of what is there. */
function inInbox(message: Uint8Array): Fault {
  let isGiven = false;
  return {
    on: toInbox,
    reply: (reply) => {
      const messages = isGiven ? [] : [{ position: 1, message }];
      isGiven = true;
      return inboxReply(reply, messages);
    },
  };
}

function inboxReply(reply: ProxiedReply, messages: readonly { readonly position: number; readonly message: Uint8Array }[]): ProxiedReply {
  const headers = { ...reply.headers, "content-type": "application/cbor" };
  return { status: 200, headers, body: encodeAs(inboxMessagesCodec, messages) };
}

/** A message that the server makes for a terminal, taken off the wire before the terminal sees it. */
async function messageFor(bench: TamperBench, terminal: string, hooks: Hooks = {}): Promise<Uint8Array> {
  await bench.offer(terminal);
  let body: Uint8Array = new Uint8Array(0);
  bench.proxy.fault = {
    on: toInbox,
    reply: (reply) => {
      if (body.length === 0) body = reply.body;
      return inboxReply(reply, []);
    },
  };
  await bench.installation.terminal(terminal, [...waiting, bench.after.module], { hooks });
  bench.proxy.fault = null;
  const messages = decodeAs(inboxMessagesCodec, body, { maxBytes: body.length, what: "inbox" });
  const newest = messages.at(-1);
  demand(newest !== undefined, `The server has no message for ${terminal}.`);
  return newest.message;
}

/** What a recipient can do with a signature that was meant for it: encrypt it to another terminal, as it is. */
async function forward(bench: TamperBench, message: Uint8Array): Promise<Uint8Array> {
  const value = decode(message, maxMessageBytes);
  demand(Array.isArray(value), "The message is no array.");
  const envelope = value as readonly CborValue[];
  const [hint = null, encrypted = null] = envelope[5] as readonly CborValue[];
  const suite = suiteNumbered(Number(envelope[4]));
  const externalAad = encode([protocolLabel, ...envelope.slice(0, 5)]);
  const key = await decryptionKeyOf(bench.installation.terminalState(insider), suite);
  const plaintext = await openWithPrivateKey(suite.encryption, key, { value: encrypted, externalAad });
  const { publicKey } = await decryptionKeyOf(bench.installation.terminalState(victim), suite);
  const recipient = { publicKey, random: systemRandom };
  const forwarded = sealToPublicKey(suite.encryption, recipient, { plaintext, externalAad });
  return encode([...envelope.slice(0, 5), [hint, forwarded]]);
}

/** A fetch on whose way an M1 of the same terminal that was accepted before takes the place of the new one. */
async function replay(bench: TamperBench, between: () => Promise<void>): Promise<CommandRun> {
  await bench.terminal(victim, "fetch", bench.after.module);
  const first = bench.proxy.seen.find(({ request }) => toLinks(request));
  demand(first !== undefined, "No M1 was seen.");
  const { body } = first.request;
  await bench.reset();
  await between();
  bench.proxy.fault = inRequest(toLinks, () => body);
  return await bench.fetch();
}
