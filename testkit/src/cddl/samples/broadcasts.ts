import {
  broadcastChannelCodec,
  mediaType,
  openMembership,
  pathOf,
  routes,
  type ServerReply,
  serverReplyCodec,
  terminalRequestCodec,
  verifyGroupRecord,
} from "@sealane/api";
import { sha256, systemRandom } from "@sealane/crypto";
import {
  acceptMessage,
  type ConfidentialLink,
  type GroupMembership,
  mechanisms,
  type RecipientContext,
  UnconfirmedLink,
} from "@sealane/link";
import { parseLicence } from "@sealane/software";
import { decodeAs, encodeAs, equalBytes } from "@sealane/wire";
import { MemoryReplayCache } from "../../memory-replay-cache.ts";
import { testNowSeconds } from "../../parties.ts";
import type { Delivery } from "./delivery.ts";
import { peersOf, reading } from "./enrolment.ts";

const nowSeconds = testNowSeconds;
const maxBytes = 1024 * 1024;

/** What is broadcast to everybody and to a group, and an open broadcast of the terminal. */
export async function overBroadcasts(delivery: Delivery): Promise<void> {
  const { server, suite, terminal } = delivery;
  const group = `fleet-${suite.name}`;
  await server.operate(routes.groups, mediaType.json, JSON.stringify({ name: group }));
  await server.operate(pathOf(routes.groupMembers, group), mediaType.json, JSON.stringify({ add: [terminal.self.name] }));
  const start = async (wish: object): Promise<void> => {
    await server.operate(routes.broadcasts, mediaType.json, JSON.stringify({ module: "app", suite: suite.name, ...wish }));
  };
  await start({});
  await start({ mechanism: "group-broadcast", group });
  const memberships = await join(delivery);
  const read = reading(broadcastChannelCodec);
  const channel = delivery.samples.seeSent("broadcast-channel", await server.get(routes.broadcasts), read);
  for (const { message, wrap } of read(channel).items) {
    delivery.samples.seeSent("link-message", message);
    delivery.samples.seeSent("wrap", wrap);
    const accepted = await acceptMessage(contextOf(delivery, memberships), Uint8Array.from(message));
    if (accepted.kind !== "broadcast") throw new Error(`the message is ${accepted.kind}`);
    const { link, licence } = accepted;
    const { artefactId } = parseLicence(licence).licence;
    link.unwrap(wrap, { artefactId, licenceDigest: sha256(licence), nowSeconds });
    if (link.grade === "public") await ask(delivery, licence);
  }
}

/** The secrets of the terminal's groups, over a link. */
async function join(delivery: Delivery): Promise<readonly GroupMembership[]> {
  const { samples, server, terminal } = delivery;
  const link = await establish(delivery);
  const payload = samples.see("terminal-request", encodeAs(terminalRequestCodec, { kind: "groups" }), reading(terminalRequestCodec));
  const record = samples.seeSent("record", link.seal(payload, nowSeconds));
  const reply = samples.seeSent("record", await server.post(pathOf(routes.records, link.id.toHex()), record));
  const data = samples.see("server-reply", link.open(reply, nowSeconds), reading(serverReplyCodec));
  const said: ServerReply = decodeAs(serverReplyCodec, data, { maxBytes, what: "reply" });
  if (said.kind !== "groups") throw new Error(`the reply is ${said.kind}`);
  const { serverName, serverSigning } = terminal.certificates;
  const anchors = serverSigning.map(({ anchor }) => anchor);
  return said.memberships.flatMap((given) => {
    const trust = { anchors, server: serverName, nowSeconds };
    samples.see("group-record", given.record); // its reader verifies too
    return openMembership(verifyGroupRecord(given.record, trust), given.seeds);
  });
}

async function establish({ samples, server, terminal, suite }: Delivery): Promise<ConfidentialLink> {
  const { self, certificates } = terminal;
  const context = { self, recipient: certificates.serverDecryption, nowSeconds, random: systemRandom };
  const sent = await mechanisms["signed-transport"].originate(context, { suite });
  if (sent.kind !== "sent") throw new Error("signed-transport is no broadcast");
  const answer = await server.post(routes.links, samples.seeSent("link-message", sent.message));
  const { link } = await sent.awaited.receive(contextOf({ terminal }, []), answer);
  if (link instanceof UnconfirmedLink) throw new Error("an answer confirms the recipient");
  return link;
}

/** M1 of the terminal, and the wrap that comes back. */
async function ask({ samples, server, terminal, suite }: Delivery, licence: Uint8Array): Promise<void> {
  const context = { self: terminal.self, recipient: [], nowSeconds, random: systemRandom };
  const sent = await mechanisms["open-broadcast"].originate(context, { suite, licence });
  if (sent.kind !== "broadcast") throw new Error("open-broadcast is a broadcast");
  samples.seeSent("wrap", await server.post(routes.links, samples.seeSent("link-message", sent.message)));
}

function contextOf({ terminal }: Pick<Delivery, "terminal">, memberships: readonly GroupMembership[]): RecipientContext {
  const { self, certificates } = terminal;
  return {
    self,
    peers: peersOf(certificates),
    replay: new MemoryReplayCache(),
    freshness: { nowSeconds },
    random: systemRandom,
    groups: {
      find: ({ groupId, publicDigest }) =>
        memberships.find((each) => each.groupId === groupId && equalBytes(sha256(each.publicValue), publicDigest)) ?? null,
    },
  };
}
