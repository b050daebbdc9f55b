import { defaultSuite, type KeyKind, signingKinds, suites } from "@sealane/crypto";
import { certificateFor } from "@sealane/link";
import {
  ArtefactOpener,
  encodePublication,
  headerLengthFromPrefix,
  issueLicence,
  issueRelease,
  type LicenceContent,
  licenceId,
  type Order,
  parseHeader,
  parseLicence,
  parseOrder,
  parsePublication,
  parseRelease,
  type SealedArtefact,
  type SoftwareDescription,
  sealBytes,
  segmentRange,
  signOrder,
  signRelease,
  softwareDescriptionCodec,
} from "@sealane/software";
import { decode, decodeAs, encode, encodeAs, parseName } from "@sealane/wire";
import { certify, makeAuthority, makeParty, type TestAuthority, testNowSeconds } from "../../parties.ts";
import { changedAt, partAt } from "../changes.ts";
import type { Path } from "../match.ts";
import type { Samples } from "./sample.ts";

/** Artefacts of every shape, and licences and releases with each of their options. */
export async function softwareSamples(samples: Samples): Promise<void> {
  const authority = await makeAuthority();
  const artefacts = [0, 1, 65_536, 150_000].map((bytes) => sealAndOpen(samples, bytes));
  const [first] = artefacts;
  if (first === undefined) throw new Error("nothing was sealed");
  for (const description of descriptionsOf(first)) {
    samples.see("software", encodeAs(softwareDescriptionCodec, description), (bytes) =>
      decodeAs(softwareDescriptionCodec, bytes, { maxBytes: 65_536, what: "software" }),
    );
  }
  for (const options of [...licenceOptions, ...signingKinds.map((kind) => ({ kind }))]) {
    const licence = samples.seeSent("licence", await sampleLicence(authority, options));
    seePayload(samples, "licence-claims", { statement: licence, path: ["tagged", "tagged", { item: 2 }], read: parseLicence });
  }
  for (const sealed of artefacts) await releaseSamples(samples, authority, sealed);
  for (const recipients of ["*", [parseName("terminal-1"), parseName("terminal-2")]] as const)
    await orderSample(samples, authority, recipients);
}

async function orderSample(samples: Samples, authority: TestAuthority, recipients: Order["recipients"]): Promise<void> {
  const { key, certificate } = await certify(authority, { name: "operator", purpose: "order-sign" });
  const order: Order = {
    issuer: certificate.name,
    number: testNowSeconds * 1000,
    issuedAtSeconds: testNowSeconds,
    expiresAtSeconds: testNowSeconds + 86_400,
    recipients,
    actions: [
      { kind: "reset-clock", toSeconds: testNowSeconds },
      { kind: "reset-sequence", module: "hmi", toSequence: 3 },
      ...suites.map(({ name: suite }) => ({ kind: "reset-suite", suite }) as const),
    ],
  };
  const statement = samples.seeSent("order", await signOrder({ key: key.signingKey(), chain: certificate.chain, order }));
  seePayload(samples, "order-content", { statement, path: ["tagged", { item: 2 }], read: parseOrder });
}

/** The payload of a statement; the code reads another one in its place, for it judges the signature later. */
function seePayload(
  samples: Samples,
  rule: string,
  given: { readonly statement: Uint8Array; readonly path: Path; readonly read: (bytes: Uint8Array) => unknown },
): void {
  const statement = decode(given.statement, given.statement.length);
  const payload = partAt(statement, given.path);
  if (!(payload instanceof Uint8Array)) throw new Error("the statement has no payload");
  samples.see(rule, payload, (bytes) => given.read(encode(changedAt(statement, given.path, bytes))));
}

/** A licence of an authority's server for terminal-1, as that server signs it. */
export async function sampleLicence(authority: TestAuthority, options: LicenceOptions = {}): Promise<Uint8Array> {
  const { withIntermediate = false, kind = defaultSuite.signingKind, ...content } = options;
  const { key, certificate } = await certify(authority, { name: "server.test", purpose: "licence-sign", kind });
  const { sealed } = sealBytes(new Uint8Array(100));
  const [description] = descriptionsOf(sealed);
  if (description === undefined) throw new Error("nothing was described");
  return await issueLicence({
    key: key.signingKey(),
    // A verifier would refuse the root in a chain; the form is that of a chain with an intermediate.
    chain: withIntermediate ? [...certificate.chain, authority.certificate] : certificate.chain,
    licence: {
      ...description,
      issuer: certificate.name,
      recipient: parseName("terminal-1"),
      licenceId: licenceId(new Uint8Array(16).fill(1)),
      issuedAtSeconds: testNowSeconds,
      notBeforeSeconds: testNowSeconds - 60,
      expiresAtSeconds: testNowSeconds + 1_000,
      rights: ["install", "run"],
      copyright: null,
      ...content,
    },
  });
}

type LicenceOptions = Partial<LicenceContent> & { readonly withIntermediate?: boolean; readonly kind?: KeyKind };

const licenceOptions: readonly LicenceOptions[] = [
  {},
  { recipient: "anonymous", keyExpiresAtSeconds: testNowSeconds + 500, keyRetention: "keep", withIntermediate: true },
  { recipient: "*", keyRetention: "discard", copyright: "2026, the publisher", rights: [] },
];

function sealAndOpen(samples: Samples, plaintextBytes: number): SealedArtefact {
  const { artefact, sealed } = sealBytes(new Uint8Array(plaintextBytes).fill(7), { segmentBytes: 65_536 });
  const header = artefact.subarray(0, headerLengthFromPrefix(artefact));
  samples.seeSent("artefact-header", header);
  const { layout } = parseHeader(header);
  using opener = new ArtefactOpener(header, { contentKey: sealed.contentKey, expected: sealed });
  for (let index = 0; index < layout.segments; index++) {
    const { fileStart, fileEnd } = segmentRange(layout, index);
    opener.openSegment(index, artefact.subarray(fileStart, fileEnd));
  }
  return sealed;
}

/** Large segments, so that every size that a description may name goes with them. */
function descriptionsOf(sealed: SealedArtefact): readonly SoftwareDescription[] {
  const common = { ...sealed, segmentBytes: 4_194_304, module: "app", version: "2.4.0", sequence: 17 };
  return [
    { ...common, models: ["panel-7", "panel 10"], softwareClass: "application", format: "tar", entry: "bin/app" },
    { ...common, models: [], softwareClass: "content", format: "file", entry: null },
    { ...common, models: ["m"], softwareClass: "system", format: "file", entry: "x" },
  ];
}

/** A release by a publisher of an authority. */
export async function sampleRelease(authority: TestAuthority): Promise<Uint8Array> {
  const { key, certificate } = await certify(authority, { name: "publisher", purpose: "release-sign" });
  const { sealed } = sealBytes(new Uint8Array(100));
  const [description] = descriptionsOf(sealed);
  if (description === undefined) throw new Error("nothing was described");
  const terms = { publisher: certificate.name, publishedAtSeconds: testNowSeconds, grade: "public", floorSequence: 9 } as const;
  return await signRelease({ key: key.signingKey(), chain: certificate.chain, release: { ...description, ...terms } });
}

/** One for each kind of key that a content key may be encrypted to. */
async function releaseSamples(samples: Samples, authority: TestAuthority, sealed: SealedArtefact): Promise<void> {
  const { key, certificate } = await certify(authority, { name: "publisher", purpose: "release-sign" });
  const server = await makeParty(authority, { name: "server.test", role: "server", suites });
  const keyRoles = server.self.decryption.map((own) => own.certificate);
  for (const suite of suites) {
    const publication = await issueRelease({
      key: key.signingKey(),
      chain: certificate.chain,
      contentKey: sealed.contentKey,
      keyRole: certificateFor({ suite, role: "server", purpose: "decrypt" }, keyRoles),
      release: {
        ...sealed,
        module: "app",
        version: "1",
        sequence: 1,
        models: [],
        softwareClass: "content",
        format: "file",
        entry: null,
        publisher: certificate.name,
        publishedAtSeconds: testNowSeconds,
        grade: suite === defaultSuite ? "confidential" : "public",
      },
    });
    samples.seeSent("publication", publication);
    const { release, sealedContentKey } = parsePublication(publication);
    if (sealedContentKey === null) throw new Error("a publication brings the content key");
    samples.seeSent("sealed-content-key", sealedContentKey);
    samples.seeSent("publication", encodePublication({ release, sealedContentKey: null }));
    samples.seeSent("release", release);
    seePayload(samples, "release-content", { statement: release, path: ["tagged", { item: 2 }], read: parseRelease });
  }
}
