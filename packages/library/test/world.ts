import type { Randomness } from "@sealane/crypto";
import { type IssuedLicence, issueLicence } from "../src/authorise.ts";
import { type ContentKey, MemorySpool, type SealedContent, sealContent } from "../src/content.ts";
import { Authority, makeKeys, makeSigningKey } from "../src/identity.ts";
import {
  type ConfidentialLink,
  certificatesOf,
  type Environment,
  MemoryPendingStates,
  MemoryReplayCache,
  Party,
  type PartyOptions,
  type Secret,
  systemEnvironment,
} from "../src/index.ts";

/** A clock that the test moves. */
export class TestClock {
  now = 1_800_000_000;

  nowSeconds(): number {
    return this.now;
  }
}

/** An environment with a clock of the test. */
export function testEnvironment(random: Randomness = systemEnvironment.random): Environment & { readonly clock: TestClock } {
  return { clock: new TestClock(), random };
}

/** An authority, and two parties that trust it. */
export interface World {
  readonly environment: Environment & { readonly clock: TestClock };
  readonly authority: Authority;
  readonly office: PartyOptions;
  readonly gateway: PartyOptions;
}

export async function newWorld(): Promise<World> {
  const environment = testEnvironment();
  const authority = await Authority.create({ name: "authority", environment });
  const options = async (name: string, role: "server" | "terminal"): Promise<PartyOptions> => ({
    identity: await authority.issueIdentity(makeKeys(), { name, role }),
    trust: [authority.anchor],
    replay: new MemoryReplayCache(environment.clock),
    pending: new MemoryPendingStates(environment.clock),
    environment,
  });
  return { environment, authority, office: await options("office", "server"), gateway: await options("gateway-1", "terminal") };
}

/** The certificates that others originate links to. */
export function addressOf({ identity }: PartyOptions): ReturnType<typeof certificatesOf> {
  return certificatesOf(identity);
}

/** A link from the office to the gateway, after its first record. */
export async function linkedPair(world: World): Promise<{ readonly office: ConfidentialLink; readonly gateway: ConfidentialLink }> {
  const party = new Party(world.office);
  const { message } = await party.originate(addressOf(world.gateway));
  const accepted = await new Party(world.gateway).accept(message);
  const { link: office } = await party.receive(accepted.reply);
  const { link: gateway } = accepted.link.confirm(office.seal(new Uint8Array(0)));
  return { office, gateway };
}

/** For `assert.rejects` and `assert.throws`. */
export function code(expected: string): { readonly code: string } {
  return { code: expected };
}

/** Sealed content with a licence for it. */
export async function licensedContent(
  { authority, environment }: World,
  recipient: string,
): Promise<{ readonly licence: IssuedLicence; readonly contentKey: ContentKey; readonly sealed: SealedContent }> {
  const sealed = await sealContent(new Blob(["a film"]).stream(), { spool: new MemorySpool(), environment });
  const issuer = await authority.certify(makeSigningKey(), { name: "studio", purpose: "licence-sign" });
  const software = { module: "film", version: "1.0", sequence: 1 };
  const licence = await issueLicence({ ...software, issuer, artefact: sealed.artefact, recipient, lifeSeconds: 86_400, environment });
  return { licence, contentKey: sealed.contentKey, sealed };
}

/** The bytes of a secret, to be compared. */
export function bytesOf(secret: Secret): Uint8Array {
  return secret.use((bytes) => Uint8Array.from(bytes));
}
