import {
  claimLabel,
  decodeClaims,
  decryptWith,
  encodeClaims,
  encryptTo,
  mac0,
  openUnderKey,
  openWithPrivateKey,
  recoverSign1,
  sealToPublicKey,
  sealUnderKey,
  sign1,
  signRecoverably,
  verifyMac0,
  verifySign1,
} from "@sealane/cose";
import {
  encryptionFor,
  encryptions as everyEncryption,
  isRsaKind,
  keyKindsOf,
  PublicKey,
  possessionOf,
  pssR,
  SoftwareKey,
  signingKinds,
  suites,
  systemRandom,
} from "@sealane/crypto";
import { parseCertificate, verifyCertificate } from "@sealane/pki";
import { type CborValue, decode, encode } from "@sealane/wire";
import { testKey } from "../../keys/fixed-keys.ts";
import { certify, makeAuthority, testNowSeconds } from "../../parties.ts";
import { type FuzzTarget, mustEncodeTo, mustRefuse } from "../target.ts";

/** COSE structures under their keys, claims, certificates and paths, and keys as files and certificates hold them. */
export async function coseAndPkiTargets(): Promise<readonly FuzzTarget[]> {
  return [...(await signatures()), ...(await encryptions()), ...(await certificates()), ...keys()];
}

const plaintext = new Uint8Array(40).fill(5);
const externalAad = encode(["fuzz"]);
const shared = new Uint8Array(32).fill(9);

/** A target that decodes, checks, and must not accept. */
function refusing(name: string, messages: readonly CborValue[], check: (value: CborValue) => unknown): FuzzTarget {
  return {
    name,
    corpus: messages.map(encode),
    feed: async (input) => {
      await check(decode(input, 1 << 16));
      mustRefuse();
    },
  };
}

async function signatures(): Promise<readonly FuzzTarget[]> {
  const targets: FuzzTarget[] = [];
  for (const kind of signingKinds) {
    const key = testKey(kind);
    const { publicKey } = key;
    const own = key.signingKey();
    const attached = await sign1(own, { payload: plaintext, externalAad });
    const detached = await sign1(own, { payload: plaintext, externalAad, detached: true });
    targets.push(
      refusing(`COSE_Sign1 (${kind})`, [attached], (value) => verifySign1(value, { publicKey, externalAad })),
      refusing(`COSE_Sign1 without payload (${kind})`, [detached], (value) =>
        verifySign1(value, { publicKey, externalAad, detachedPayload: plaintext }),
      ),
    );
    if (!isRsaKind(kind)) continue;
    const recovering = [plaintext, new Uint8Array(600)].map(async (payload) => await signRecoverably(pssR, own, { payload, externalAad }));
    targets.push(
      refusing(`COSE_Sign1 with recovery (${kind})`, await Promise.all(recovering), (value) =>
        recoverSign1(pssR, value, { publicKey, externalAad }),
      ),
    );
  }
  const claims = encodeClaims(
    new Map<number, CborValue>([
      [claimLabel.issuer, "urn:sealane:a"],
      [claimLabel.expiresAt, 1_800_000_000],
    ]),
  );
  return [
    ...targets,
    refusing("COSE_Mac0", [mac0(shared, { payload: plaintext, externalAad })], (value) => verifyMac0(shared, value, externalAad)),
    {
      name: "claims",
      corpus: [claims],
      feed: (input) => void decodeClaims(input, { maxBytes: 4_096, known: Object.values(claimLabel) }),
    },
  ];
}

async function encryptions(): Promise<readonly FuzzTarget[]> {
  const targets = [
    refusing("COSE_Encrypt0 under a key", [sealUnderKey(shared, systemRandom, { plaintext, externalAad })], (value) =>
      openUnderKey(shared, { value, externalAad }),
    ),
  ];
  for (const encryption of everyEncryption) {
    // Nothing that a key of a finite-field group could do is for COSE but to prove itself.
    if (encryption.keyKind.startsWith("ffdhe")) continue;
    const key = testKey(encryption.keyKind);
    const { publicKey } = key;
    const own = key.decryptionKey();
    const name = encryption.keyKind;
    const runs = encryption.form === "key transport" ? 60 : 200;
    const one = sealToPublicKey(encryption, { publicKey, random: systemRandom }, { plaintext, externalAad });
    const many = encryptTo(encryption, [{ publicKey }, { publicKey }], systemRandom, { plaintext, externalAad });
    const opened = refusing(`P_X (${name})`, [one], async (value) => await openWithPrivateKey(encryption, own, { value, externalAad }));
    const decrypted = refusing(
      `COSE_Encrypt (${name})`,
      [many],
      async (value) => await decryptWith(encryption, own, { value, externalAad }),
    );
    targets.push({ ...opened, runs }, { ...decrypted, runs });
  }
  for (const { agreement } of suites.filter(({ agreement: { keyKind } }) => keyKind.startsWith("ffdhe"))) {
    const key = testKey(agreement.keyKind);
    const { publicKey } = key;
    const encryption = encryptionFor(publicKey);
    const own = possessionOf(key.agreementKey());
    const one = sealToPublicKey(encryption, { publicKey, random: systemRandom }, { plaintext, externalAad });
    const proved = refusing(
      `P_X (${agreement.keyKind})`,
      [one],
      async (value) => await openWithPrivateKey(encryption, own, { value, externalAad }),
    );
    targets.push({ ...proved, runs: 60 });
  }
  return targets;
}

/** Keys of every kind, certified by an authority of each kind that there may be. */
async function certificates(): Promise<readonly FuzzTarget[]> {
  const corpus: Uint8Array[] = [];
  const paths: FuzzTarget[] = [];
  const subjects = [
    ...signingKinds.map((kind) => ({ purpose: "terminal-sign", kind }) as const),
    ...everyKind.decryption.map((kind) => ({ purpose: "server-decrypt", kind }) as const),
    ...everyKind.agreement.map((kind) => ({ purpose: "server-agree", kind }) as const),
  ];
  for (const by of ["ed25519", "p256", "ml-dsa-65"] as const) {
    const authority = await makeAuthority("test-authority", by);
    corpus.push(authority.certificate);
    const issued = await Promise.all(subjects.map(async (subject) => await certify(authority, { name: "party.test", ...subject })));
    corpus.push(...issued.map(({ certificate }) => certificate.der));
    const signing = issued.map(({ certificate }) => certificate).filter(({ purpose }) => purpose === "terminal-sign");
    paths.push({
      name: `certificate path (${by})`,
      corpus: signing.map(({ der }) => der),
      feed: (input) => {
        verifyCertificate({ chain: [input], anchors: [authority.anchor], purpose: "terminal-sign", nowSeconds: testNowSeconds });
        mustRefuse();
      },
    });
  }
  return [{ name: "certificate", corpus, feed: (input) => void parseCertificate(input), runs: 600 }, ...paths];
}

const everyKind = keyKindsOf(suites);

/** Every kind of key; of a public key there is one encoding. */
function keys(): readonly FuzzTarget[] {
  const kinds = new Set([...everyKind.signing, ...everyKind.decryption, ...everyKind.agreement]);
  return [...kinds].flatMap((kind): readonly FuzzTarget[] => {
    const key = testKey(kind);
    return [
      { name: `private key (${kind})`, corpus: [key.toPkcs8()], feed: (input) => void SoftwareKey.fromPkcs8(input) },
      {
        name: `public key (${kind})`,
        corpus: [key.publicKey.spki],
        feed: (input) => mustEncodeTo(PublicKey.fromSpki(input).spki, input),
      },
    ];
  });
}
