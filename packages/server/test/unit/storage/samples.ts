import { decryptionKinds, defaultSuite, Secret, sha256, systemRandom } from "@sealane/crypto";
import { type AwaitedAnswer, acceptMessage, type ConfidentialLink, mechanisms, type UnconfirmedLink } from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import { makePair, originatorContext, type Pair, recipientContext, testNowSeconds } from "@sealane/testkit";
import { artefactId, parseName, thumbprint } from "@sealane/wire";
import type { KeyRoleKeys } from "../../../src/certified-keys.ts";
import type { NewLink } from "../../../src/storage/links.ts";
import type { StoredRelease } from "../../../src/storage/releases.ts";
import { RowSeal } from "../../../src/storage/row-seal.ts";
import type { NewTerminal } from "../../../src/storage/terminals.ts";

export const now: number = testNowSeconds;

const pair: Pair = await makePair();

/** 32 bytes that differ by label. */
export function bytes(label: string): Uint8Array {
  return sha256(new TextEncoder().encode(label));
}

export function sampleSeal(): RowSeal {
  return new RowSeal(Secret.take("storage key", bytes("storage key")), systemRandom);
}

export function sampleTerminal(name: string, changes: Partial<NewTerminal> = {}): NewTerminal {
  return {
    name: parseName(name),
    model: "m1",
    signingKeyDigest: sha256(bytes(`signing key of ${name}`)),
    decryptionKeys: decryptionKinds.map((kind) => ({
      kind,
      keyDigest: sha256(bytes(`${kind} key of ${name}`)),
      chain: [bytes(`${kind} certificate`), bytes("intermediate")],
    })),
    signingThumbprint: thumbprint(bytes(`signing certificate of ${name}`)),
    signingChain: [bytes("signing certificate")],
    certificateExpiresAtSeconds: now + 1_000,
    enrolledAtSeconds: now,
    ...changes,
  };
}

/** The server of the sample links, and their terminal as it stands in the database. */
export const sampleServer: Pick<KeyRoleKeys, "self" | "anchor"> = { self: pair.server.self, anchor: pair.authority.anchor };

export function samplePeer(): NewTerminal {
  const { signing, self } = pair.terminal;
  return sampleTerminal(signing.name, {
    signingThumbprint: signing.thumbprint,
    signingChain: signing.chain,
    decryptionKeys: self.decryption.map(({ certificate }) => ({
      kind: certificate.publicKey.kind,
      keyDigest: sha256(certificate.publicKey.spki),
      chain: certificate.chain,
    })),
  });
}

/** M1 of the sample terminal. */
export async function sampleMessage(): Promise<Uint8Array> {
  const context = originatorContext(pair.terminal, pair.server);
  return (await mechanisms["signed-transport"].originate(context, { suite: defaultSuite })).message;
}

export function sampleRelease(label: string, changes: Partial<SoftwareDescription> = {}): StoredRelease {
  const description: SoftwareDescription = {
    module: "app",
    version: label,
    sequence: 1,
    models: ["m1"],
    softwareClass: "application",
    format: "file",
    entry: null,
    artefactId: artefactId(bytes(`artefact ${label}`)),
    listDigest: sha256(bytes(label)),
    sha256: sha256(bytes(label)),
    plaintextBytes: 10,
    segmentBytes: 65_536,
    ...changes,
  };
  return {
    description,
    statement: bytes(`statement ${label}`),
    publisher: parseName("publisher"),
    publishedAtSeconds: now,
    acceptedAtSeconds: now,
  };
}

/** A link at the server that its terminal has not confirmed, and the terminal's end of it. */
export async function sampleLink(): Promise<{ readonly link: UnconfirmedLink; readonly terminalEnd: ConfidentialLink }> {
  const context = originatorContext(pair.terminal, pair.server);
  const { message, awaited } = await mechanisms["signed-transport"].originate(context, { suite: defaultSuite });
  const { answer, link } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
  return { link, terminalEnd: awaited.receive(answer, now) };
}

/** A message of the server whose answer is awaited, and that answer. */
export async function samplePending(): Promise<{
  readonly awaited: AwaitedAnswer;
  readonly message: Uint8Array;
  readonly answer: Uint8Array;
}> {
  const context = originatorContext(pair.server, pair.terminal);
  const { message, awaited } = await mechanisms["signed-transport"].originate(context, { suite: defaultSuite });
  const { answer } = await acceptMessage(recipientContext(pair.terminal, pair.authority), message);
  return { awaited, message, answer };
}

export function newLink(link: NewLink["link"], terminal: NewTerminal, changes: Partial<NewLink> = {}): NewLink {
  const { name, signingThumbprint } = terminal;
  const opening = { requestDigest: sha256(link.id), response: bytes("answer") };
  return { link, terminal: name, signingThumbprint, nowSeconds: now, opening, ...changes };
}
