import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { defaultSuite, type KeyKind, type SigningKey, standardKinds, systemRandom } from "@sealane/crypto";
import type { CertifiedKey } from "@sealane/link";
import {
  issueLicence,
  type LicenceContent,
  licenceId,
  type SealedArtefact,
  type SoftwareDescription,
  sealBytes,
  signRelease,
  verifyAuthorisation,
} from "@sealane/software";
import { linkId, type Name, parseName } from "@sealane/wire";
import { saveDownload } from "../../src/download-record.ts";
import { type KeyIdentity, loadEnrolment, saveIdentity } from "../../src/identity.ts";
import { type Terminal, type TerminalEvent, terminalAt } from "../../src/index.ts";
import type { DownloadFolder } from "../../src/state-folder.ts";
import { TestAuthority } from "./authority.ts";
import { FakeClock } from "./fake-clock.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const terminalName: Name = parseName("gateway-7");
export const serverName: Name = parseName("server-1");
export const publisherName: Name = parseName("publisher");
export const model = "hmi-2";

/** A publisher's release of a software. */
export async function releaseOf(
  description: SoftwareDescription,
  by: { readonly publisher: CertifiedKey<SigningKey>; readonly nowSeconds: number; readonly floorSequence?: number },
): Promise<Uint8Array> {
  const { key, certificate } = by.publisher;
  const terms = {
    publisher: certificate.name,
    publishedAtSeconds: by.nowSeconds,
    grade: "public",
    floorSequence: by.floorSequence ?? 0,
  } as const;
  return await signRelease({ key, chain: certificate.chain, release: { ...description, ...terms } });
}

/** What is to be delivered; everything has a default. */
export interface TestSoftware extends Partial<SoftwareDescription> {
  readonly content?: Uint8Array;
  readonly floorSequence?: number;
  /** What the description says against the truth. */
  readonly lie?: Partial<SoftwareDescription>;
}

/** Seals software and describes it. */
export function sealSoftware(software: TestSoftware): {
  readonly description: SoftwareDescription;
  readonly artefact: Uint8Array;
  readonly content: Uint8Array;
  readonly sealed: SealedArtefact;
} {
  const { content = new TextEncoder().encode("#!/bin/sh\nexit 0\n"), lie = {}, ...given } = software;
  const { artefact, sealed } = sealBytes(content, { segmentBytes: given.segmentBytes ?? 65_536 });
  const { artefactId, listDigest, sha256, plaintextBytes, segmentBytes } = sealed;
  const description: SoftwareDescription = {
    module: "hmi",
    version: `1.${given.sequence ?? 1}`,
    sequence: 1,
    models: [],
    softwareClass: "application",
    format: "file",
    entry: "hmi",
    ...given,
    artefactId,
    listDigest,
    sha256,
    plaintextBytes,
    segmentBytes,
    ...lie,
  };
  return { description, artefact, content, sealed };
}

/** An enrolled terminal of the test, without any server. */
export class TestTerminal {
  readonly authority: TestAuthority;
  readonly issuer: CertifiedKey<SigningKey>;
  readonly publisher: CertifiedKey<SigningKey>;
  readonly terminal: Terminal;
  readonly clock: FakeClock;
  readonly events: TerminalEvent[];

  private constructor(fields: Pick<TestTerminal, "authority" | "issuer" | "publisher" | "terminal" | "clock" | "events">) {
    this.authority = fields.authority;
    this.issuer = fields.issuer;
    this.publisher = fields.publisher;
    this.terminal = fields.terminal;
    this.clock = fields.clock;
    this.events = fields.events;
  }

  static async create(t: TestContext, clock: FakeClock = new FakeClock()): Promise<TestTerminal> {
    return await TestTerminal.createIn(join(await temporaryFolder(t), "state"), clock);
  }

  static async createIn(stateFolder: string, clock: FakeClock = new FakeClock()): Promise<TestTerminal> {
    const authority = await TestAuthority.create(clock.now);
    const issuer = await authority.signer(serverName, "licence-sign");
    const publisher = await authority.signer(publisherName, "release-sign");
    const events: TerminalEvent[] = [];
    const terminal = terminalAt({ stateFolder, clock, environment: {}, onEvent: (event) => events.push(event) });
    const make = async (purpose: "terminal-sign" | "terminal-decrypt" | "terminal-agree", kind: KeyKind): Promise<KeyIdentity> => {
      const keyId = `${purpose}-${kind}-test`;
      const key = await terminal.keys.generate(keyId, kind);
      return { keyId, chain: await authority.issue(terminalName, purpose, key) };
    };
    const signing = await Promise.all(standardKinds.signing.map(async (kind) => await make("terminal-sign", kind)));
    const decryption = await Promise.all(standardKinds.decryption.map(async (kind) => await make("terminal-decrypt", kind)));
    const agreement = await Promise.all(standardKinds.agreement.map(async (kind) => await make("terminal-agree", kind)));
    const serverDecryption = await authority.openers(serverName, "server-decrypt");
    const serverAgreement = await authority.agreers(serverName, "server-agree");
    await saveIdentity(terminal, {
      version: 1,
      name: terminalName,
      model,
      url: "http://127.0.0.1:9/",
      authority: authority.anchor.der,
      serverName,
      token: null,
      signing,
      decryption,
      agreement,
      serverSigningChains: [(await authority.signer(serverName, "server-sign")).certificate.chain],
      serverDecryptionChains: serverDecryption.map(({ certificate }) => certificate.chain),
      serverAgreementChains: serverAgreement.map(({ certificate }) => certificate.chain),
      enrolledAtSeconds: clock.now,
    });
    return new TestTerminal({ authority, issuer, publisher, terminal, clock, events });
  }

  async licence(description: SoftwareDescription, terms: Partial<LicenceContent> = {}): Promise<Uint8Array> {
    const { key, certificate } = this.issuer;
    const { now } = this.clock;
    const licence: LicenceContent = {
      ...description,
      issuer: serverName,
      recipient: terminalName,
      licenceId: licenceId(systemRandom.bytes(16)),
      issuedAtSeconds: now,
      notBeforeSeconds: now - 60,
      expiresAtSeconds: now + 86_400,
      rights: [],
      copyright: null,
      ...terms,
    };
    return await issueLicence({ key, chain: certificate.chain, licence });
  }

  /** Puts a complete download in place, as a fetch leaves it. */
  async stage(
    software: TestSoftware,
    terms: Partial<LicenceContent> = {},
  ): Promise<{
    readonly folder: DownloadFolder;
    readonly description: SoftwareDescription;
    readonly licence: Uint8Array;
    readonly release: Uint8Array;
  }> {
    const { description, content, sealed } = sealSoftware(software);
    const licence = await this.licence(description, terms);
    const enrolment = await loadEnrolment(this.terminal);
    const { anchors } = enrolment;
    const release = await releaseOf(description, {
      publisher: this.publisher,
      nowSeconds: this.clock.now,
      floorSequence: software.floorSequence ?? 0,
    });
    const encoded = { licence, release };
    const authorisation = verifyAuthorisation(encoded, { anchors, nowSeconds: this.clock.now, recipients: [terminalName], model });
    const { folder } = await saveDownload(this.terminal, enrolment, {
      authorisation,
      encoded,
      contentKey: sealed.contentKey,
      link: {
        mechanism: "signed-transport",
        suite: defaultSuite.name,
        originator: "terminal",
        linkId: linkId(systemRandom.bytes(16)),
        peer: serverName,
      },
    });
    await writeFile(folder.software, content, { mode: 0o600 });
    return { folder, description, licence, release };
  }
}
