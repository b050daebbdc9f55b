import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultSuite, type KeyKind, Secret, sha256, standardKinds, systemRandom } from "@sealane/crypto";
import {
  type AcceptedLink,
  type AwaitedReply,
  type AwaitedThird,
  acceptMessage,
  type CertifiedKey,
  type ConfidentialLink,
  type ContinueContext,
  type MechanismName,
  type OriginatedLink,
  type OriginateOptions,
  type Role,
  type ThirdContent,
  UnconfirmedLink,
} from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import { acceptingContext, certify, continuingContext, makePair, originate, type Pair, testNowSeconds } from "@sealane/testkit";
import { artefactId, parseName, thumbprint } from "@sealane/wire";
import type { KeyRoleKeys } from "../../../src/certified-keys.ts";
import type { NewLink } from "../../../src/storage/links.ts";
import type { PendingReply, PendingThird } from "../../../src/storage/pending-links.ts";
import type { StoredRelease } from "../../../src/storage/releases.ts";
import { RowKeys } from "../../../src/storage/row-keys.ts";
import { RowSeal } from "../../../src/storage/row-seal.ts";
import type { NewTerminal, TerminalKey, TerminalKeyPurpose } from "../../../src/storage/terminals.ts";

export const now: number = testNowSeconds;

const pair: Pair = await makePair();
const licenceSigner = await certify(pair.authority, { name: pair.server.self.name, purpose: "licence-sign" });

/** 32 bytes that differ by label. */
export function bytes(label: string): Uint8Array {
  return sha256(new TextEncoder().encode(label));
}

const folder = mkdtempSync(join(tmpdir(), "sealane-row-keys-"));
process.on("exit", () => rmSync(folder, { recursive: true })); // not after the tests: a file whose tests are skipped may be loading still

/** Seals under one storage key and one file of row keys, begun at {@link now}. */
export const sampleSeal: RowSeal = await sealOf("storage key");

/** The same with another storage key or another file. */
export async function sealOf(storageKey: string, file = "row.key"): Promise<RowSeal> {
  const keys = await RowKeys.open(join(folder, file), { nowSeconds: now, random: systemRandom });
  return new RowSeal(Secret.take("storage key", bytes(storageKey)), keys, systemRandom);
}

export function sampleTerminal(name: string, changes: Partial<NewTerminal> = {}): NewTerminal {
  return {
    name: parseName(name),
    model: "m1",
    signingKeyDigest: sha256(bytes(`signing key of ${name}`)),
    keys: [...standardKinds.decryption.map(sampleKey(name, "decrypt")), ...standardKinds.agreement.map(sampleKey(name, "agree"))],
    signingThumbprint: thumbprint(bytes(`signing certificate of ${name}`)),
    signingChain: [bytes("signing certificate")],
    certificateExpiresAtSeconds: now + 1_000,
    enrolledAtSeconds: now,
    ...changes,
  };
}

function sampleKey(name: string, purpose: TerminalKeyPurpose): (kind: KeyKind) => TerminalKey {
  return (kind) => ({
    purpose,
    kind,
    keyDigest: sha256(bytes(`${kind} key to ${purpose} of ${name}`)),
    chain: [bytes(`${kind} certificate to ${purpose}`), bytes("intermediate")],
  });
}

/** The server of the sample links, and their terminal as it stands in the database. */
export const sampleServer: KeyRoleKeys = {
  self: pair.server.self,
  anchor: pair.authority.anchor,
  licenceSigner: { key: licenceSigner.key.signingKey(), certificate: licenceSigner.certificate },
};

export function samplePeer(): NewTerminal {
  const { signing, self } = pair.terminal;
  return sampleTerminal(signing.name, {
    signingThumbprint: signing.thumbprint,
    signingChain: signing.chain,
    keys: [...self.decryption.map(storedKey("decrypt")), ...self.agreement.map(storedKey("agree"))],
  });
}

function storedKey(purpose: TerminalKeyPurpose): (key: CertifiedKey<unknown>) => TerminalKey {
  return ({ certificate: { publicKey, chain } }) => ({ purpose, kind: publicKey.kind, keyDigest: sha256(publicKey.spki), chain });
}

/** M1 of the sample terminal. */
export async function sampleMessage(
  mechanism: MechanismName = "signed-transport",
  options: Omit<OriginateOptions, "suite"> = {},
): Promise<Uint8Array> {
  return (await sampleOrigin(mechanism, "terminal", options)).message;
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
    sealedContentKey: bytes(`sealed key ${label}`),
    publisher: parseName("publisher"),
    publishedAtSeconds: now,
    acceptedAtSeconds: now,
  };
}

type Sent = Extract<OriginatedLink, { kind: "sent" }>;

async function sampleOrigin(mechanism: MechanismName, originator: Role, options: Omit<OriginateOptions, "suite"> = {}): Promise<Sent> {
  const sent = await originate(pair, { mechanism, suite: defaultSuite, originator, options });
  if (sent.kind !== "sent") throw new Error(`${mechanism} is a broadcast`);
  return sent;
}

/** What the peer of the sample server, or the server, says to M1. */
async function sampleAcceptance(message: Uint8Array, originator: Role): Promise<Exclude<AcceptedLink, { kind: "broadcast" }>> {
  const accepted = await acceptMessage(acceptingContext(pair, originator), message);
  if (accepted.kind === "broadcast") throw new Error("the message is a broadcast");
  return accepted;
}

/** What the originator of a sample receives a reply with. */
export function sampleContext(mechanism: MechanismName, originator: Role): ContinueContext {
  return continuingContext(pair, { mechanism, suite: defaultSuite, originator });
}

/** A link at the server that its terminal has not confirmed, and the terminal's end of it. */
export async function sampleLink(
  mechanism: MechanismName = "signed-transport",
): Promise<{ readonly link: UnconfirmedLink; readonly terminalEnd: ConfidentialLink }> {
  const { message, awaited } = await sampleOrigin(mechanism, "terminal");
  const accepted = await sampleAcceptance(message, "terminal");
  const { link: terminalEnd } = await awaited.receive(sampleContext(mechanism, "terminal"), accepted.reply);
  if (accepted.kind !== "answered" || terminalEnd instanceof UnconfirmedLink) throw new Error(`${mechanism} has three messages`);
  return { link: accepted.link, terminalEnd };
}

/** A message of the server whose reply is awaited, that reply, and what the terminal takes from M3. */
export async function samplePending(mechanism: MechanismName = "signed-transport"): Promise<{
  readonly awaited: AwaitedReply;
  readonly message: Uint8Array;
  readonly answer: Uint8Array;
  readonly third: (message: Uint8Array) => Promise<ThirdContent>;
}> {
  const { message, awaited } = await sampleOrigin(mechanism, "server");
  const accepted = await sampleAcceptance(message, "server");
  const third = async (bytesOfThird: Uint8Array): Promise<ThirdContent> => {
    if (accepted.kind !== "waiting") throw new Error(`${mechanism} has no M3`);
    return await accepted.awaited.receive(acceptingContext(pair, "server"), bytesOfThird);
  };
  return { awaited, message, answer: accepted.reply, third };
}

export type ThreeMessages = "mutual-nonce" | "mutual-agreement";

/** M1 of the terminal, and M3 as it makes it of the server's M2. */
export async function sampleTerminalEnd(mechanism: ThreeMessages): Promise<{
  readonly message: Uint8Array;
  readonly third: (second: Uint8Array) => Promise<Uint8Array>;
}> {
  const { message, awaited } = await sampleOrigin(mechanism, "terminal");
  const third = async (second: Uint8Array): Promise<Uint8Array> => {
    const { message: made } = await awaited.receive(sampleContext(mechanism, "terminal"), second);
    if (made === null) throw new Error(`${mechanism} has no M3`);
    return made;
  };
  return { message, third };
}

/** M1 of the terminal, and the server's wait for M3. */
export async function sampleThird(
  mechanism: ThreeMessages = "mutual-nonce",
): Promise<{ readonly awaited: AwaitedThird; readonly message: Uint8Array }> {
  const message = await sampleMessage(mechanism);
  const accepted = await sampleAcceptance(message, "terminal");
  if (accepted.kind !== "waiting") throw new Error(`${mechanism} has no M3`);
  return { awaited: accepted.awaited, message };
}

/** A reply is awaited of this terminal. */
export function pendingReply(awaited: AwaitedReply, terminal: NewTerminal, changes: Partial<PendingReply> = {}): PendingReply {
  const { name, signingThumbprint } = terminal;
  const id = artefactId(bytes("artefact"));
  return { kind: "reply", awaited, owner: { name, signingThumbprint }, artefactId: id, expiresAtSeconds: now, ...changes };
}

/** M3 is awaited of this terminal. */
export function pendingThird(awaited: AwaitedThird, terminal: NewTerminal, changes: Partial<PendingThird> = {}): PendingThird {
  const { name, signingThumbprint } = terminal;
  return { kind: "third", awaited, owner: { name, signingThumbprint }, sent: bytes("M2"), expiresAtSeconds: now, ...changes };
}

/** A link of this terminal, or of an anonymous one. */
export function newLink(link: NewLink["link"], terminal: NewTerminal | null, changes: Partial<NewLink> = {}): NewLink {
  const owner = terminal === null ? null : { name: terminal.name, signingThumbprint: terminal.signingThumbprint };
  return {
    link,
    owner,
    offered: null,
    nowSeconds: now,
    opening: { requestDigest: sha256(link.id), response: bytes("answer") },
    ...changes,
  };
}

/** The bytes of a file of row keys. */
export async function sampleFile(name: string): Promise<Uint8Array> {
  return await readFile(join(folder, name));
}
