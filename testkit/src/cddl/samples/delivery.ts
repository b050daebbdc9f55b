import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  certificateChainCodec,
  challengeCodec,
  inboxMessagesCodec,
  inboxStatementCodec,
  mediaType,
  pathOf,
  routes,
  sealInboxRequest,
  serverReplyCodec,
  statementAad,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import { sign1 } from "@sealane/cose";
import { SoftwareKey, type Suite, suites, systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import {
  acceptMessage,
  type ConfidentialLink,
  certificateFor,
  mainSigning,
  mechanisms,
  type RecipientContext,
  UnconfirmedLink,
} from "@sealane/link";
import { issuePublisher } from "@sealane/server";
import { issueRelease, sealBytes, signOrder } from "@sealane/software";
import { type ArtefactId, artefactId, decodeAs, encodeAs, parseName } from "@sealane/wire";
import { MemoryReplayCache } from "../../memory-replay-cache.ts";
import { testNowSeconds } from "../../parties.ts";
import { overBroadcasts } from "./broadcasts.ts";
import { type EnrolledTerminal, enrolTerminal, peersOf, reading } from "./enrolment.ts";
import { LocalServer } from "./local-server.ts";
import type { Samples } from "./sample.ts";

const nowSeconds = testNowSeconds;
const model = "m1";

/** A terminal is enrolled at a real server and fetches software, on every suite and over links of either side. */
export async function deliverySamples(samples: Samples): Promise<void> {
  await using server = await LocalServer.start();
  const terminal = await enrolTerminal(samples, server);
  await handOnOrder(samples, server);
  for (const [at, suite] of suites.entries()) {
    const delivery: Delivery = {
      samples,
      server,
      terminal,
      suite,
      artefactId: await publish({ server, terminal, suite, sequence: at + 1 }),
    };
    await overOwnLink(delivery);
    await overOfferedLink(delivery);
    await overBroadcasts(delivery);
  }
}

export interface Delivery {
  readonly samples: Samples;
  readonly server: LocalServer;
  readonly terminal: EnrolledTerminal;
  readonly suite: Suite;
  readonly artefactId: ArtefactId;
}

/** The server is given an order to hand on, which every terminal may ask for. */
async function handOnOrder(samples: Samples, server: LocalServer): Promise<void> {
  const folder = join(server.folder, "../operator");
  const key = await new FileKeyStore(join(folder, "keys")).signingKey("operator");
  const chain = decodeAs(certificateChainCodec, await readFile(join(folder, "operator.cbor")), { maxBytes: 65_536, what: "operator" });
  const order = await signOrder({
    key,
    chain,
    order: {
      issuer: parseName("operator"),
      number: nowSeconds * 1000,
      issuedAtSeconds: nowSeconds,
      expiresAtSeconds: nowSeconds + 86_400,
      recipients: "*",
      actions: [{ kind: "reset-clock", toSeconds: nowSeconds }],
    },
  });
  await server.operate(routes.orders, mediaType.cbor, samples.seeSent("order", order));
}

/** Publishes a version whose content key is encrypted to the server's key of a suite. */
async function publish(given: Omit<Delivery, "samples" | "artefactId"> & { readonly sequence: number }): Promise<ArtefactId> {
  const { server, terminal, suite, sequence } = given;
  const key = SoftwareKey.generate("ed25519").signingKey();
  const publisher = parseName("publisher");
  const chain = await issuePublisher({ folder: server.folder, name: publisher, publicKey: key.publicKey, nowSeconds });
  const { artefact, sealed } = sealBytes(new TextEncoder().encode(`version ${sequence}`));
  const statement = await issueRelease({
    key,
    chain,
    contentKey: sealed.contentKey,
    keyRole: certificateFor({ suite, role: "server", purpose: "decrypt" }, terminal.certificates.serverDecryption),
    release: {
      ...sealed,
      module: "app",
      version: `${sequence}.0`,
      sequence,
      models: [model],
      softwareClass: "application",
      format: "file",
      entry: null,
      publisher,
      publishedAtSeconds: nowSeconds,
      grade: "public",
    },
  });
  await server.operate(routes.artefacts, mediaType.artefact, artefact);
  await server.operate(routes.releases, mediaType.cbor, statement);
  return sealed.artefactId;
}

async function overOwnLink(delivery: Delivery): Promise<void> {
  const { samples, server, terminal, suite } = delivery;
  const recipient = terminal.certificates.serverDecryption;
  const context = { self: terminal.self, recipient, nowSeconds, random: systemRandom };
  samples.seeSent("challenge", await server.post(routes.challenges, new Uint8Array(0)), reading(challengeCodec));
  const sent = await mechanisms["signed-transport"].originate(context, { suite });
  if (sent.kind !== "sent") throw new Error("signed-transport is no broadcast");
  const answer = samples.seeSent("link-message", await server.post(routes.links, samples.seeSent("link-message", sent.message)));
  const { link } = await sent.awaited.receive(recipientContextOf(terminal), answer);
  if (link instanceof UnconfirmedLink) throw new Error("an answer confirms the recipient");
  await ask(delivery, link);
}

async function overOfferedLink(delivery: Delivery): Promise<void> {
  const { samples, server, terminal, suite } = delivery;
  const offer = { terminals: [terminal.self.name], module: "app", suite: suite.name };
  await server.operate(routes.offers, mediaType.json, JSON.stringify(offer));
  const inbox = await server.post(routes.inbox, samples.seeSent("inbox-request", await inboxRequest(terminal, suite)));
  const read = reading(inboxMessagesCodec);
  const [waiting] = read(samples.seeSent("inbox-messages", inbox, read));
  if (waiting === undefined) throw new Error("the inbox is empty");
  const accepted = await acceptMessage(recipientContextOf(terminal), samples.seeSent("link-message", waiting.message));
  if (accepted.kind !== "answered") throw new Error("signed-transport is answered");
  const first = samples.seeSent("record", await server.post(routes.links, samples.seeSent("link-message", accepted.reply)));
  const confirmed = accepted.link.confirm(first, nowSeconds);
  samples.see("server-reply", confirmed.payload, reading(serverReplyCodec));
  await ask(delivery, confirmed.link);
}

/** Every request that a terminal can make, and every kind of reply. */
async function ask({ samples, server, artefactId: wanted }: Delivery, link: ConfidentialLink): Promise<void> {
  const requests: readonly TerminalRequest[] = [
    { kind: "offers", module: null, installed: [] },
    { kind: "offers", module: "app", installed: [{ module: "app", version: "0.9", sequence: 0 }] },
    { kind: "authorise", artefactId: wanted },
    { kind: "authorise", artefactId: artefactId(new Uint8Array(32)) },
    { kind: "licence", artefactId: wanted },
    { kind: "order", after: 0 },
    { kind: "order", after: nowSeconds * 1000 },
  ];
  for (const request of requests) {
    const payload = samples.see("terminal-request", encodeAs(terminalRequestCodec, request), reading(terminalRequestCodec));
    const record = samples.seeSent("record", link.seal(payload, nowSeconds));
    const reply = samples.seeSent("record", await server.post(pathOf(routes.records, link.id.toHex()), record));
    samples.see("server-reply", link.open(reply, nowSeconds), reading(serverReplyCodec));
  }
}

async function inboxRequest({ self, certificates }: EnrolledTerminal, suite: Suite): Promise<Uint8Array> {
  const statement = { terminal: self.name, server: certificates.serverName, issuedAtSeconds: nowSeconds };
  const payload = encodeAs(inboxStatementCodec, statement);
  const { key, certificate } = mainSigning(self);
  const signature = await sign1(key, { payload, externalAad: statementAad("inbox") });
  const server = certificateFor({ suite, role: "server", purpose: "decrypt" }, certificates.serverDecryption);
  return sealInboxRequest({ signingThumbprint: certificate.thumbprint, signature }, { server, random: systemRandom });
}

function recipientContextOf({ self, certificates }: EnrolledTerminal): RecipientContext {
  return {
    self,
    peers: peersOf(certificates),
    replay: new MemoryReplayCache(),
    freshness: { nowSeconds },
    random: systemRandom,
  };
}
