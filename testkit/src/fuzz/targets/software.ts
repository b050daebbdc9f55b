import {
  ArtefactOpener,
  ArtefactVerifier,
  headerLengthFromPrefix,
  issueLicence,
  issueRelease,
  licenceId,
  parseHeader,
  parseLicence,
  parsePublication,
  parseRelease,
  parseSealedContentKey,
  type SealedArtefact,
  type SoftwareDescription,
  sealBytes,
  segmentRange,
  verifyLicence,
  verifyRelease,
} from "@sealane/software";
import { parseName } from "@sealane/wire";
import { certify, makeAuthority, type TestAuthority, testNowSeconds } from "../../parties.ts";
import { type FuzzTarget, mustRefuse } from "../target.ts";

/** Sealed artefacts, licences and releases. */
export async function softwareTargets(): Promise<readonly FuzzTarget[]> {
  const plaintext = new Uint8Array(150_000).map((_, index) => index * 7);
  const { artefact, sealed } = sealBytes(plaintext, { segmentBytes: 65_536 });
  const authority = await makeAuthority();
  const described = { ...sealed, ...description } satisfies SoftwareDescription;
  return [...artefacts(artefact, sealed), ...(await licences(authority, described)), ...(await releases(authority, described, sealed))];
}

const description = {
  module: "app",
  version: "1.0",
  sequence: 1,
  models: ["m1"],
  softwareClass: "application",
  format: "file",
  entry: null,
} as const;
const nowSeconds = testNowSeconds;
const holder = parseName("terminal-1");

function artefacts(artefact: Uint8Array, sealed: SealedArtefact): readonly FuzzTarget[] {
  const header = artefact.subarray(0, headerLengthFromPrefix(artefact));
  const { layout } = parseHeader(header);
  const { fileStart, fileEnd } = segmentRange(layout, 1);
  const opener = new ArtefactOpener(header, { contentKey: sealed.contentKey, expected: sealed });
  return [
    { name: "artefact header", corpus: [header], feed: (input) => void parseHeader(input) },
    {
      name: "artefact header under its licence",
      corpus: [header],
      feed: (input) => {
        new ArtefactOpener(input, { contentKey: sealed.contentKey, expected: sealed })[Symbol.dispose]();
        mustRefuse();
      },
    },
    {
      name: "artefact segment",
      corpus: [artefact.slice(fileStart, fileEnd), artefact.slice(segmentRange(layout, 0).fileStart, segmentRange(layout, 0).fileEnd)],
      feed: (input) => {
        opener.openSegment(2, input);
        mustRefuse();
      },
    },
    {
      name: "artefact upload",
      corpus: [artefact],
      feed: (input) => {
        const verifier = new ArtefactVerifier(sealed);
        for (let at = 0; at < input.length; at += 10_000) verifier.update(input.subarray(at, at + 10_000));
        verifier.finish();
        mustRefuse();
      },
    },
  ];
}

async function licences(authority: TestAuthority, described: SoftwareDescription): Promise<readonly FuzzTarget[]> {
  const { key, certificate } = await certify(authority, { name: "server.test", purpose: "licence-sign" });
  const bytes = await issueLicence({
    key: key.signingKey(),
    chain: certificate.chain,
    licence: {
      ...described,
      issuer: certificate.name,
      recipient: holder,
      licenceId: licenceId(new Uint8Array(16).fill(1)),
      issuedAtSeconds: nowSeconds,
      notBeforeSeconds: nowSeconds,
      expiresAtSeconds: nowSeconds + 1_000,
      rights: ["install", "run"],
      copyright: "2026",
    },
  });
  return [
    { name: "licence shown", corpus: [bytes], feed: (input) => void parseLicence(input) },
    {
      name: "licence",
      corpus: [bytes],
      feed: (input) => {
        verifyLicence(input, { anchors: [authority.anchor], nowSeconds, recipients: [holder], model: "m1" });
        mustRefuse();
      },
    },
  ];
}

async function releases(authority: TestAuthority, described: SoftwareDescription, sealed: SealedArtefact): Promise<readonly FuzzTarget[]> {
  const { key, certificate } = await certify(authority, { name: "publisher", purpose: "release-sign" });
  const { certificate: keyRole } = await certify(authority, { name: "server.test", purpose: "server-decrypt" });
  const publication = await issueRelease({
    key: key.signingKey(),
    chain: certificate.chain,
    contentKey: sealed.contentKey,
    keyRole,
    release: { ...described, publisher: certificate.name, publishedAtSeconds: nowSeconds, grade: "confidential" },
  });
  const { release: bytes, sealedContentKey } = parsePublication(publication);
  return [
    { name: "publication", corpus: [publication], feed: (input) => void parsePublication(input) },
    { name: "sealed content key", corpus: [sealedContentKey ?? bytes], feed: (input) => void parseSealedContentKey(input) },
    { name: "release shown", corpus: [bytes], feed: (input) => void parseRelease(input) },
    {
      name: "release",
      corpus: [bytes],
      feed: (input) => {
        verifyRelease(input, { anchors: [authority.anchor], nowSeconds });
        mustRefuse();
      },
    },
  ];
}
