import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { issueLicence, verifyAuthorisation, verifyLicence, verifyRelease } from "../../src/authorise.ts";
import { MemorySpool, openContent, sealContent } from "../../src/content.ts";
import { Authority, trustAnchor, verifyCertificate } from "../../src/identity.ts";
import { AnonymousParty, Group, Party, type PartyOptions, SealaneError } from "../../src/index.ts";
import { addressOf, licensedContent, newWorld, type World } from "../world.ts";

/** What no caller in TypeScript can give, and every one in JavaScript. */
// biome-ignore lint/suspicious/noExplicitAny: it stands for whatever a program without types gives
type Anything = any;

/** Asks that a call is refused as its caller's fault, with the name of the parameter. */
async function refuses(parameter: string, call: () => unknown): Promise<void> {
  await assert.rejects(
    async () => await call(),
    (error) => {
      assert.ok(error instanceof SealaneError, String(error));
      assert.deepEqual([error.code, error.entry.blame, error.details["parameter"]], ["LIBRARY_ARGUMENT_WRONG", "user", parameter]);
      return true;
    },
  );
}

describe("a wrong argument of the caller is the caller's fault, and named", () => {
  let world: World;
  before(async () => {
    world = await newWorld();
  });

  test("a party that trusts nobody complains when it is made", async () => {
    for (const trust of [[], undefined, null, [world.authority.anchor.der], [undefined]] as Anything[]) {
      await refuses("trust", () => new Party({ ...world.office, trust }));
      await refuses("trust", () => new AnonymousParty({ ...world.office, trust }));
    }
    const { trust: _, ...without } = world.office;
    await refuses("trust", () => new Party(without as PartyOptions));
  });

  test("what else a party is made with", async () => {
    const cases: readonly (readonly [string, Anything])[] = [
      ["identity", { identity: undefined }],
      ["replay", { replay: {} }],
      ["pending", { pending: { insert: () => "fresh" } }],
      ["environment.clock", { environment: undefined }],
      ["environment.random", { environment: { clock: world.environment.clock } }],
      ["windowSeconds", { windowSeconds: -1 }],
      ["toleranceSeconds", { toleranceSeconds: 1.5 }],
      ["storedSeconds", { storedSeconds: Number.NaN }],
      ["broadcastSeconds", { broadcastSeconds: "60" }],
    ];
    for (const [parameter, wrong] of cases) await refuses(parameter, () => new Party({ ...world.office, ...wrong }));
  });

  test("how a link is originated, accepted and received", async () => {
    const party = new Party(world.office);
    const to = addressOf(world.gateway);
    const cases: readonly (readonly [string, Anything])[] = [
      ["suite", { suite: "none" }],
      ["mechanism", { mechanism: "none" }],
      ["mechanism", { mechanism: "anonymous-transport" }],
      ["keyLifeSeconds", { keyLifeSeconds: 0 }],
      ["keyLifeSeconds", { keyLifeSeconds: 1.5 }],
      ["expiresAtSeconds", { expiresAtSeconds: -1 }],
      ["challenge", { challenge: new Uint8Array(3) }],
      ["licence", { licence: "a licence" }],
      ["licence", { licence: new Uint8Array(0) }],
    ];
    for (const [parameter, options] of cases) await refuses(parameter, () => party.originate(to, options));
    for (const nobody of [[], undefined] as Anything[]) await refuses("to", () => party.originate(nobody));
    await refuses("message", () => party.accept("text" as Anything));
    await refuses("message", () => party.receive(undefined as Anything));
    await refuses("licence", () => party.broadcast(new Uint8Array(0)));
    await refuses("suite", () => party.broadcast(new Uint8Array(1), { suite: "none" as Anything }));
  });

  test("names, lives and trust at authorities and groups", async () => {
    const { authority, environment } = world;
    await refuses("name", () => Authority.create({ name: "", environment }));
    await refuses("lifeSeconds", () => Authority.create({ name: "a", lifeSeconds: 0, environment }));
    const issuing: Anything = { purpose: "licence-sign", publicKey: world.office.identity.signing[0]?.key.publicKey };
    await refuses("name", () => authority.issue({ ...issuing, name: "No Name" }));
    await refuses("lifeSeconds", () => authority.issue({ ...issuing, name: "a", lifeSeconds: -1 }));
    await refuses("certificate", () => trustAnchor("PEM" as Anything));
    await refuses("fingerprint", () => trustAnchor(authority.anchor.der, { fingerprint: new Uint8Array(31) }));
    const expected = { purpose: "server-sign", environment } as const;
    await refuses("trust", () => verifyCertificate([], { ...expected, trust: [] }));
    await refuses("name", () => verifyCertificate([], { ...expected, trust: [authority.anchor], name: "No Name" }));
    await refuses("groupId", () => Group.create({ groupId: "No Name", environment }));
    await refuses("suite", () => Group.create({ groupId: "a", suite: "none" as Anything, environment }));
    await refuses("lifeSeconds", () => Group.create({ groupId: "a", lifeSeconds: 0, environment }));
  });

  test("licences, releases and content", async () => {
    const { authority, environment } = world;
    const trust = [authority.anchor];
    const { sealed } = await licensedContent(world, "gateway-1");
    const software = { artefact: sealed.artefact, module: "film", version: "1", sequence: 1 };
    const input: Anything = { ...software, issuer: world.office.identity.signing[0], recipient: "a", lifeSeconds: 1, environment };
    await refuses("recipient", () => issueLicence({ ...input, recipient: "No Name" }));
    await refuses("artefact.artefactId", () => issueLicence({ ...input, artefact: undefined }));
    const bytes = new Uint8Array(1);
    await refuses("bytes", () => verifyLicence("text" as Anything, { trust, recipient: "a", environment }));
    await refuses("trust", () => verifyLicence(bytes, { trust: [], recipient: "a", environment }));
    await refuses("recipient", () => verifyLicence(bytes, { trust, recipient: "No Name", environment }));
    await refuses("toleranceSeconds", () => verifyLicence(bytes, { trust, recipient: "a", toleranceSeconds: -1, environment }));
    await refuses("trust", () => verifyRelease(bytes, { trust: [], environment }));
    await refuses("bytes", () => verifyRelease(null as Anything, { trust, environment }));
    const both = { release: bytes, licence: bytes };
    await refuses("trust", () => verifyAuthorisation(both, { trust: [], recipient: "a", environment }));
    await refuses("release", () => verifyAuthorisation({ licence: bytes } as Anything, { trust, recipient: "a", environment }));
    await refuses("acceptedAtSeconds", () => verifyAuthorisation(both, { trust, recipient: "a", acceptedAtSeconds: -1, environment }));
    await refuses("source", () => sealContent("text" as Anything, { spool: new MemorySpool(), environment }));
    await refuses("artefact.artefactId", () => openContent({} as Anything));
    await refuses("contentKey", () => openContent({ artefact: { artefactId: new Uint8Array(32) } } as Anything));
  });
});
