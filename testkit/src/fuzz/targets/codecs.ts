import {
  broadcastChannelCodec,
  certificateChainCodec,
  certificateChainsCodec,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  errorOfReply,
  formatEnrolToken,
  formatInboxEvent,
  inboxMessagesCodec,
  inboxStatementCodec,
  installedModulesCodec,
  parseEnrolToken,
  parseInboxEvent,
  serverReplyCodec,
  terminalRequestCodec,
} from "@sealane/api";
import { parsePkcs11Uri } from "@sealane/keystore";
import { softwareDescriptionCodec } from "@sealane/software";
import { artefactId, type Codec, decode, decodeAs, digest, encode, encodeAs, parseName } from "@sealane/wire";
import { type FuzzTarget, mustEncodeTo } from "../target.ts";

/** Everything whose form is checked without any key: CBOR itself, and the messages and texts of package api. */
export function codecTargets(): readonly FuzzTarget[] {
  const signature = [bytes(3), new Map(), null, bytes(64)];
  const all = [
    ofCodec("enrol info", enrolInfoCodec, [{ authority: bytes(300), enrolChain: [bytes(200), bytes(210)] }]),
    ofCodec("enrol request", enrolRequestCodec, [
      {
        tokenId: bytes(8),
        tokenSecret: bytes(32),
        name,
        model: "m1",
        signingSpkis: [bytes(44), bytes(91)],
        decryptionSpkis: [bytes(1_240), bytes(44)],
        agreementSpkis: [bytes(1_240)],
        issuedAtSeconds: 1_800_000_000,
        url: "https://sealane.example",
        fingerprint: digest(bytes(32)),
        suiteNumbers: [2, 1],
        replyKey: bytes(32),
      },
    ]),
    ofCodec("enrol reply", enrolReplyCodec, [
      {
        signingChains: [[bytes(200)], [bytes(210)]],
        sealedDecryptionChains: [bytes(300)],
        sealedAgreementChains: [bytes(310), bytes(60)],
        serverSuiteNumbers: [2],
        serverChains: { signingChains: [[bytes(9)]], decryptionChains: [[bytes(7)]], agreementChains: [[bytes(8), bytes(5)]] },
        confirmation: signature,
      },
    ]),
    ofCodec("enrol proof", enrolProofCodec, [
      { signingThumbprint: bytes(32), requestDigest: digest(bytes(32)), confirmation: signature, signature },
    ]),
    ofCodec("certificate chain", certificateChainCodec, [[bytes(400), bytes(300)]]),
    ofCodec("certificate chains", certificateChainsCodec, [[[bytes(400)], [bytes(30), bytes(40)]]]),
    ofCodec("inbox messages", inboxMessagesCodec, [
      [],
      [
        { position: 7, message: bytes(370) },
        { position: 8, message: bytes(1) },
      ],
    ]),
    ofCodec("broadcast channel", broadcastChannelCodec, [
      { position: 0, items: [] },
      { position: 9, items: [{ position: 7, message: bytes(370), wrap: bytes(90), release: bytes(700) }] },
    ]),
    ofCodec("inbox statement", inboxStatementCodec, [{ terminal: name, server: parseName("server"), issuedAtSeconds: 1_800_000_000 }]),
    ofCodec("installed modules", installedModulesCodec, [[{ module: "app", version: "1.0", sequence: 3 }]]),
    ofCodec("terminal request", terminalRequestCodec, [
      { kind: "offers", module: null, installed: [{ module: "app", version: "1.0", sequence: 3 }] },
      { kind: "authorise", artefactId: artefactId(bytes(32)) },
      { kind: "licence", artefactId: artefactId(bytes(32)) },
      { kind: "groups" },
      { kind: "order", after: 1_800_000_000_123 },
    ]),
    ofCodec("server reply", serverReplyCodec, [
      { kind: "offers", offers: [description], nowSeconds: 1_800_000_000, newestOrder: 1_799_999_999_123 },
      { kind: "authorised", release: bytes(650), licence: bytes(700), wrap: bytes(120) },
      { kind: "groups", memberships: [{ record: bytes(1_900), seeds: [bytes(32), bytes(32)] }] },
      { kind: "order", number: 1_799_999_999_123, order: bytes(800) },
      { kind: "order", number: 0, order: null },
      { kind: "refused", code: "API_NOT_FOUND" },
    ]),
    ofCodec("software description", softwareDescriptionCodec, [description]),
  ];
  const corpus = all.flatMap((target) => target.corpus);
  const cbor: FuzzTarget = { name: "CBOR", corpus, feed: (input) => mustEncodeTo(encode(decode(input, maxBytes)), input) };
  return [cbor, ...all, ...texts()];
}

const maxBytes = 1 << 20;
const name = parseName("terminal-1");

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(7);
}

const description = {
  module: "app",
  version: "2.4.0",
  sequence: 17,
  models: ["panel-7", "panel-10"],
  softwareClass: "application",
  format: "tar",
  entry: "bin/app",
  artefactId: artefactId(bytes(32)),
  listDigest: digest(bytes(32)),
  sha256: digest(bytes(32)),
  plaintextBytes: 5_000_000,
  segmentBytes: 1_048_576,
} as const;

function ofCodec<T>(what: string, codec: Codec<T>, values: readonly T[]): FuzzTarget {
  return {
    name: what,
    corpus: values.map((value) => encodeAs(codec, value)),
    feed: (input) => mustEncodeTo(encodeAs(codec, decodeAs(codec, input, { maxBytes, what })), input),
  };
}

/** Words and headers that people and strangers hand over as text. */
function texts(): readonly FuzzTarget[] {
  const token = {
    url: "https://sealane.example",
    fingerprint: digest(bytes(32)),
    tokenId: bytes(8),
    tokenSecret: bytes(32),
    name,
    model: "m1",
  };
  return [
    { name: "enrol token", corpus: [latin(formatEnrolToken(token))], feed: (input) => void parseEnrolToken(asText(input)) },
    {
      name: "pkcs11 URI",
      corpus: [
        latin("pkcs11:token=fleet;object=server%20sign;type=private?module-path=/usr/lib/softhsm.so&pin-source=file:/etc/pin"),
        latin("pkcs11:serial=0a1b;manufacturer=m;model=x;slot-id=7;id=%00%ff%10"),
        latin("pkcs11:?pin-source=file:///run/a%2eb"),
      ],
      feed: (input) => void parsePkcs11Uri(asText(input)),
    },
    {
      name: "inbox event",
      corpus: [latin("7\nmessage\ng1hYAQ"), latin("9007199254740991\nmessage\n-_8")],
      feed: (input) => {
        const [id = "", event = "", ...data] = asText(input).split("\n");
        const written = formatInboxEvent(parseInboxEvent({ id, event, data: data.join("\n") }));
        mustEncodeTo(latin(written), latin(`id: ${id}\nevent: ${event}\ndata: ${data.join("\n")}\n\n`));
      },
    },
    {
      name: "problem",
      corpus: [latin('{"title":"no","status":403,"code":"API_NOT_FOUND","advice":"none"}')],
      feed: (input) => void errorOfReply({ status: 404, header: () => asText(input), body: asText(input) }),
    },
    { name: "name", corpus: [latin("gateway-7.plant_2:a")], feed: (input) => void parseName(asText(input)) },
  ];
}

function latin(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function asText(input: Uint8Array): string {
  return Buffer.from(input).toString("latin1");
}
