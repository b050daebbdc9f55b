// Broadcast: one message to everybody, and one to the members of a group.
import {
  AnonymousParty,
  certificatesOf,
  systemEnvironment as environment,
  Group,
  GroupMemberships,
  MemoryPendingStates,
  MemoryReplayCache,
  Party,
} from "@sealane/link";
import { issueLicence, verifyLicence } from "@sealane/link/authorise";
import { MemorySpool, openContent, sealContent } from "@sealane/link/content";
import { Authority, makeKeys, makeSigningKey } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const trust = [authority.anchor];
const common = () => {
  const { clock } = environment;
  return { trust, replay: new MemoryReplayCache(clock), pending: new MemoryPendingStates(clock), environment };
};
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const gateway = await authority.issueIdentity(makeKeys(), { name: "gateway-1", role: "terminal" });
const issuer = await authority.certify(makeSigningKey(), { name: "studio", purpose: "licence-sign" });
const sender = new Party({ identity: office, ...common() });
const member = new Party({ identity: gateway, ...common() });

// A broadcast has no records. It carries the content key of the one artefact that its licence names, for everybody.
using trailer = await sealContent(new Blob(["a trailer"]).stream(), { spool: new MemorySpool(), environment });
const software = { module: "film", version: "1.0", sequence: 1, lifeSeconds: 1_800, recipient: "*" };
const licence = await issueLicence({ ...software, issuer, artefact: trailer.artefact, environment });
const toAll = await sender.broadcast(licence.bytes);
const wrapped = toAll.link.wrap(trailer.contentKey, licence);

const listener = new AnonymousParty(common()); // anybody who trusts the authority
const heard = await listener.accept(toAll.message);
const proven = verifyLicence(heard.licence, { trust, recipient: "anonymous", environment });
using contentKey = heard.link.unwrap(wrapped, proven);
const shown = await new Response(trailer.stream().pipeThrough(openContent({ artefact: proven, contentKey }))).text();
console.log(`${heard.link.originator} shows ${shown}: ${heard.link.properties.readers}`);

// A group has a secret, which each member gets over a link of its own, anew for every epoch.
using fleet = Group.create({ groupId: "fleet", environment });
const { message } = await sender.originate(certificatesOf(gateway));
const accepted = await member.accept(message);
const { link } = await sender.receive(accepted.reply);
const { link: there } = accepted.link.confirm(link.seal(new Uint8Array(0)));
using groups = new GroupMemberships(environment.clock);
groups.join(there, fleet.admit(link));

const toFleet = await sender.broadcastToGroup(fleet.record, licence.bytes);
const own = await member.accept(toFleet.message, { mechanisms: ["group-broadcast"], groups });
console.log(`to ${own.link.group?.groupId}: ${own.link.properties.promise}`);
