// Everything together: an office delivers a sealed film to a gateway, over a port that could as well be a socket.
import { on } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
  certificatesOf,
  systemEnvironment as environment,
  type Identity,
  MemoryPendingStates,
  MemoryReplayCache,
  Party,
} from "@sealane/link";
import { issueLicence, issueRelease, verifyAuthorisation } from "@sealane/link/authorise";
import { MemorySpool, openContent, sealContent } from "@sealane/link/content";
import { Authority, makeKeys, makeSigningKey } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const trust = [authority.anchor];
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const gateway = await authority.issueIdentity(makeKeys(), { name: "gateway-1", role: "terminal" });
const publisher = await authority.certify(makeSigningKey(), { name: "studio", purpose: "release-sign" });
const issuer = await authority.certify(makeSigningKey(), { name: "office", purpose: "licence-sign" });

const { port1, port2 } = new MessageChannel();
const [, film] = await Promise.all([send(port1, "a film"), receive(port2)]);
port1.close();
console.log(`gateway-1 shows: ${film}`);

async function send(port: MessagePort, content: string): Promise<void> {
  const next = messagesOf(port);
  using sealed = await sealContent(new Blob([content]).stream(), { spool: new MemorySpool(), environment });
  const software = { artefact: sealed.artefact, module: "film", version: "1.0", sequence: 1 };
  const release = await issueRelease({ ...software, publisher, environment });
  const licence = await issueLicence({ ...software, issuer, recipient: gateway.name, lifeSeconds: 86_400, environment });
  const party = partyOf(office);
  const { message } = await party.originate(certificatesOf(gateway), { licence: licence.bytes });
  port.postMessage(message);
  const { link } = await party.receive(await next());
  using _ = link;
  port.postMessage(link.seal(release.bytes));
  port.postMessage(link.seal(link.wrap(sealed.contentKey, licence)));
  for await (const piece of sealed.stream()) port.postMessage(piece);
  port.postMessage(new Uint8Array(0)); // the end
}

async function receive(port: MessagePort): Promise<string> {
  const next = messagesOf(port);
  const accepted = await partyOf(gateway).accept(await next());
  if (accepted.link.peer !== "office" || accepted.licence === null) throw new Error("This is not what was ordered.");
  port.postMessage(accepted.reply);
  const { link, payload: release } = accepted.link.confirm(await next());
  using _ = link;
  const received = { licence: accepted.licence, release };
  const { licence } = verifyAuthorisation(received, { trust, recipient: gateway.name, environment });
  using contentKey = link.unwrap(link.open(await next()), licence);
  return await new Response(piecesFrom(next).pipeThrough(openContent({ artefact: licence, contentKey }))).text();
}

function partyOf(identity: Identity): Party {
  const { clock } = environment;
  return new Party({ identity, trust, replay: new MemoryReplayCache(clock), pending: new MemoryPendingStates(clock), environment });
}

function piecesFrom(next: () => Promise<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const piece = await next();
      if (piece.length === 0) controller.close();
      else controller.enqueue(piece);
    },
  });
}

/** What arrives at a port, message by message. */
function messagesOf(port: MessagePort): () => Promise<Uint8Array> {
  const arriving = on(port, "message");
  return async () => {
    const { value } = await arriving.next();
    if (!(value?.[0] instanceof Uint8Array)) throw new Error("Bytes were expected.");
    return value[0];
  };
}
