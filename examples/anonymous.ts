// Anonymous: a terminal gets something from a server that it knows, and that does not learn who it is.
import {
  AnonymousParty,
  anonymousMechanisms,
  certificatesOf,
  systemEnvironment as environment,
  MemoryPendingStates,
  MemoryReplayCache,
  Party,
} from "@sealane/link";
import { Authority, makeKeys } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const common = () => ({
  trust: [authority.anchor],
  replay: new MemoryReplayCache(environment.clock),
  pending: new MemoryPendingStates(environment.clock),
  environment,
});

// No keys, no certificate, no enrolment. What carries its messages must not tell who it is either.
const somebody = new AnonymousParty(common());
const { message } = await somebody.originate(certificatesOf(office));

// The server says that it takes links without a name; it does not unless told.
const server = new Party({ identity: office, ...common() });
const accepted = await server.accept(message, { mechanisms: anonymousMechanisms });

const { link: asking } = await somebody.receive(accepted.reply);
const { link: serving, payload } = accepted.link.confirm(asking.seal(new TextEncoder().encode("the manual, please")));
const manual = asking.open(serving.seal(new TextEncoder().encode("Press the green button.")));

console.log(`${serving.peer ?? "somebody"}: ${new TextDecoder().decode(payload)}`);
console.log(`${asking.peer}: ${new TextDecoder().decode(manual)}`);
console.log(serving.properties.promise);

for (const link of [asking, serving]) link[Symbol.dispose]();
