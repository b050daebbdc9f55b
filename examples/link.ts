// Link: two parties originate, accept and exchange records.
import { certificatesOf, systemEnvironment as environment, MemoryPendingStates, MemoryReplayCache, Party } from "@sealane/link";
import { Authority, makeKeys } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const gateway = await authority.issueIdentity(makeKeys(), { name: "gateway-1", role: "terminal" });

// What both need. In production the two stores are tables of your database: see ReplayCache and PendingStates.
const common = () => ({
  trust: [authority.anchor],
  replay: new MemoryReplayCache(environment.clock),
  pending: new MemoryPendingStates(environment.clock),
  environment,
});
const here = new Party({ identity: office, ...common() });
const there = new Party({ identity: gateway, ...common() });

const { message } = await here.originate(certificatesOf(gateway));
const accepted = await there.accept(message); // the message came by any way
const { link: sender } = await here.receive(accepted.reply); // and the reply went back

const first = sender.seal(new TextEncoder().encode("hello"));
const { link: receiver, payload } = accepted.link.confirm(first); // the first record proves that the sender holds the key
const reply = receiver.seal(new TextEncoder().encode("hello yourself"));

console.log(`${receiver.peer}: ${new TextDecoder().decode(payload)}`);
console.log(`${sender.peer}: ${new TextDecoder().decode(sender.open(reply))}`);
console.log(sender.properties.readers);

// Either may begin, and other mechanisms are asked for, and taken, by name: with this one both sign.
const mechanisms = ["mutual-certified"] as const;
const second = await there.originate(certificatesOf(office), { mechanism: "mutual-certified" });
const answered = await here.accept(second.message, { mechanisms });
const { link: certified } = await there.receive(answered.reply, { mechanisms });
console.log(certified.properties.promise);

for (const link of [sender, receiver, certified, answered.link]) link[Symbol.dispose]();
