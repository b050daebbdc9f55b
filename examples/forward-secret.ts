// Forward secret: fresh keys on both sides, and a third message that vouches for what is delivered.
import {
  certificatesOf,
  systemEnvironment as environment,
  type Identity,
  MemoryPendingStates,
  MemoryReplayCache,
  Party,
} from "@sealane/link";
import { issueLicence, issueRelease, verifyAuthorisation } from "@sealane/link/authorise";
import { MemorySpool, sealContent } from "@sealane/link/content";
import { Authority, makeKeys, makeSigningKey } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const trust = [authority.anchor];
const partyOf = (identity: Identity) => {
  const { clock } = environment;
  return new Party({ identity, trust, replay: new MemoryReplayCache(clock), pending: new MemoryPendingStates(clock), environment });
};
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const gateway = await authority.issueIdentity(makeKeys(), { name: "gateway-1", role: "terminal" });
const publisher = await authority.certify(makeSigningKey(), { name: "studio", purpose: "release-sign" });
const issuer = await authority.certify(makeSigningKey(), { name: "office", purpose: "licence-sign" });

using sealed = await sealContent(new Blob(["firmware"]).stream(), { spool: new MemorySpool(), environment });
const software = { artefact: sealed.artefact, module: "firmware", version: "2.4", sequence: 24 };
const release = await issueRelease({ ...software, publisher, environment });
const licence = await issueLicence({ ...software, issuer, recipient: "gateway-1", lifeSeconds: 86_400, environment });

const mechanisms = ["mutual-agreement"] as const;
const [here, there] = [partyOf(office), partyOf(gateway)];
const { message: first } = await here.originate(certificatesOf(gateway), { mechanism: "mutual-agreement", third: "signed-beside" });
const { reply, claimedPeer } = await there.accept(first, { mechanisms }); // nothing is proven of the office yet
const content = { artefactId: sealed.artefact.artefactId, licence: licence.bytes, release: release.bytes };
const replied = await here.receive(reply, { mechanisms, content });
if (replied.kind !== "replied") throw new Error("The reply was expected.");
const completed = await there.receive(replied.message, { mechanisms });
if (completed.kind !== "completed") throw new Error("The third message was expected.");
if (completed.licence === null || completed.release === null) throw new Error("Software was expected.");

// The terminal's first record tells the office that everything arrived: before it, the office has no link to use.
const received = { licence: completed.licence, release: completed.release };
const { release: verified } = verifyAuthorisation(received, { trust, recipient: gateway.name, environment });
const { link, payload } = replied.link.confirm(completed.link.seal(new TextEncoder().encode(`${verified.version} is welcome`)));

console.log(
  `${claimedPeer}, now proven: ${completed.link.peer} vouches for ${verified.module} ${verified.version} by ${verified.publisher}`,
);
console.log(`${link.peer}: ${new TextDecoder().decode(payload)}`);
console.log(link.properties.readers);
for (const end of [link, completed.link]) end[Symbol.dispose]();
