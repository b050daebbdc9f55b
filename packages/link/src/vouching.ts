import { sign1, verifySign1 } from "@sealane/cose";
import { sha256 } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  anyValue,
  artefactId,
  bytesAs,
  type CborValue,
  type Codec,
  concatBytes,
  type Digest,
  decodeAs,
  encode,
  encodeAs,
  equalBytes,
  type Name,
  nullable,
  tuple,
} from "@sealane/wire";
import { signAttached, verifyAttached } from "./attached-signature.ts";
import type { ThirdContent } from "./awaited.ts";
import { licenceCodec, releaseCodec } from "./claims.ts";
import { externalAad, type MessageHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { type Confirming, confirmationBytes, makeConfirmation, verifyConfirmation } from "./key-schedule.ts";
import { recordType } from "./labels.ts";
import { maxRecordBytes } from "./limits.ts";
import type { LinkState } from "./link-state.ts";
import { ownSigning, type Self } from "./parties.ts";
import { openRecord, sealRecord } from "./records.ts";
import type { ThirdMode } from "./third-mode.ts";

/**
 * M3 of `mutual-agreement` as records of the originator: software (its artefact id stands for it, with the publisher's release of it),
 * licence and signature in one of the five forms of {@link ThirdMode}. The signature names both parties, th, form, artefact, licence and
 * release, never a share; its payload is nil and rebuilt by the verifier, but in `licence-signed`, where the licence travels in it.
 */

/** What both ends know when M3 is made. */
export interface Vouching {
  readonly header: MessageHeader;
  readonly mode: ThirdMode;
  readonly originator: Name;
  readonly recipient: Name;
  readonly state: LinkState;
}

const artefactCodec = nullable(bytesAs(artefactId));

/** E_k(software, LC). */
const contentCodec: Codec<ThirdContent> = tuple<ThirdContent>({ artefactId: artefactCodec, licence: licenceCodec, release: releaseCodec });

/** E_k(software), where LC comes apart. */
type Software = Omit<ThirdContent, "licence">;
const softwareCodec: Codec<Software> = tuple<Software>({ artefactId: artefactCodec, release: releaseCodec });

/** S_A(E_k(software, LC)), inside the encryption: content and signature. */
interface SignedContent {
  readonly content: ThirdContent;
  readonly signature: CborValue;
}

const signedContentCodec: Codec<SignedContent> = tuple<SignedContent>({ content: contentCodec, signature: anyValue });

/** How many records each form has. */
const recordCounts: Readonly<Record<ThirdMode, number>> = {
  signed: 1,
  unsigned: 1,
  "signed-beside": 2,
  "licence-signed": 2,
  "licence-encrypted": 3,
};

/** Makes the records of M3. Errors: LINK_RECORD_TOO_LARGE, what the key handle throws. */
export async function sealVouching(vouching: Vouching, self: Self, content: ThirdContent): Promise<readonly Uint8Array[]> {
  const { mode } = vouching;
  const records: Uint8Array[] = [];
  const add = (plaintext: Uint8Array): Digest => {
    const record = sealRecord(vouching.state, placeOf(vouching, records.length), plaintext);
    records.push(record);
    return sha256(record);
  };
  const sign = async (record: Digest | null): Promise<CborValue> => await signDetached(vouching, self, { content, record });
  switch (mode) {
    case "signed":
      add(encodeAs(signedContentCodec, { content, signature: await sign(null) }));
      break;
    case "unsigned":
      add(concatBytes(makeConfirmation(originatorsOf(vouching)), encodeAs(contentCodec, content)));
      break;
    case "signed-beside":
      add(encode(await sign(add(encodeAs(contentCodec, content)))));
      break;
    case "licence-signed": {
      add(encodeAs(softwareCodec, content));
      const payload = encode([signedPayload(vouching, { content, record: null }), content.licence]);
      const by = { self, suite: vouching.header.suite };
      add(encode(await signAttached(by, { payload, externalAad: externalAad(vouching.header) })));
      break;
    }
    case "licence-encrypted":
      add(encodeAs(softwareCodec, content));
      add(encode(await sign(add(encode(content.licence)))));
      break;
  }
  return records;
}

/**
 * Opens the records of M3 and proves what the originator vouched for.
 * Errors: LINK_MESSAGE_UNEXPECTED, LINK_RECORD_WRONG, LINK_RECORD_OUT_OF_ORDER, WIRE_*, COSE_*, CRYPTO_SIGNATURE_WRONG,
 * LINK_CONFIRMATION_WRONG.
 */
export function openVouching(vouching: Vouching, signer: VerifiedCertificate, records: readonly Uint8Array[]): ThirdContent {
  const { mode } = vouching;
  if (records.length !== recordCounts[mode]) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { records: records.length });
  const [first = new Uint8Array(0), second = new Uint8Array(0), third = new Uint8Array(0)] = records.map((record, sequence) =>
    openRecord(vouching.state, placeOf(vouching, sequence), record),
  );
  const verify = (content: ThirdContent, signature: CborValue, record: Digest | null): ThirdContent => {
    const detachedPayload = encode(signedPayload(vouching, { content, record }));
    verifySign1(signature, { publicKey: signer.publicKey, externalAad: externalAad(vouching.header), detachedPayload });
    return content;
  };
  switch (mode) {
    case "signed": {
      const { signature, content } = decodePart(signedContentCodec, first);
      return verify(content, signature, null);
    }
    case "unsigned":
      verifyConfirmation(originatorsOf(vouching), first.subarray(0, confirmationBytes));
      return decodePart(contentCodec, first.subarray(confirmationBytes));
    case "signed-beside":
      return verify(decodePart(contentCodec, first), decodePart(anyValue, second), digestOf(records[0]));
    case "licence-signed": {
      const expected = { suite: vouching.header.suite, signer, externalAad: externalAad(vouching.header) };
      const payload = verifyAttached(decodePart(anyValue, second), expected);
      const { licence } = decodePart(licencePayloadCodec, payload);
      const content: ThirdContent = { ...decodePart(softwareCodec, first), licence };
      if (!equalBytes(payload, encode([signedPayload(vouching, { content, record: null }), licence])))
        throw linkErrors.error("LINK_ANSWER_WRONG", { field: "licence" });
      return content;
    }
    case "licence-encrypted": {
      const content: ThirdContent = { ...decodePart(softwareCodec, first), licence: decodePart(licenceCodec, second) };
      return verify(content, decodePart(anyValue, third), digestOf(records[1]));
    }
  }
}

const licencePayloadCodec: Codec<{ readonly statement: CborValue; readonly licence: Uint8Array | null }> = tuple<{
  readonly statement: CborValue;
  readonly licence: Uint8Array | null;
}>({ statement: anyValue, licence: licenceCodec });

function decodePart<T>(codec: Codec<T>, bytes: Uint8Array): T {
  return decodeAs(codec, bytes, { maxBytes: maxRecordBytes, what: "M3" });
}

function digestOf(record: Uint8Array | undefined): Digest {
  return sha256(record ?? new Uint8Array(0));
}

async function signDetached(
  vouching: Vouching,
  self: Self,
  what: { readonly content: ThirdContent; readonly record: Digest | null },
): Promise<CborValue> {
  const payload = encode(signedPayload(vouching, what));
  return await sign1(ownSigning(self, vouching.header.suite).key, { payload, detached: true, externalAad: externalAad(vouching.header) });
}

/** [form, originator, recipient, th, artefact id, H(licence), H(release), H(record)]. */
function signedPayload(
  { mode, originator, recipient, state }: Vouching,
  { content, record }: { readonly content: ThirdContent; readonly record: Digest | null },
): CborValue {
  const { artefactId: artefact, licence, release } = content;
  return [mode, originator, recipient, state.th, artefact, digestOrNull(licence), digestOrNull(release), record];
}

function digestOrNull(bytes: Uint8Array | null): Digest | null {
  return bytes === null ? null : sha256(bytes);
}

function originatorsOf({ state }: Vouching): Confirming {
  const { prk, suite, th } = state;
  return { whose: "originator", prk, suite, th };
}

function placeOf({ header, mode }: Vouching, sequence: number) {
  return { sender: header.sender, sequence, type: mode === "unsigned" ? recordType.confirmation : recordType.third };
}
