import { readFile } from "node:fs/promises";
import { certificateChainCodec, maxEnrolReplyBytes } from "@sealane/api";
import { pinAsker } from "@sealane/cli";
import { FileKeyStore, openPkcs11KeyStore } from "@sealane/keystore";
import type { StatementSigner } from "@sealane/software";
import { decodeAs, hasCode } from "@sealane/wire";
import { commandErrors } from "./errors.ts";

/** Where a key of the operator's folder is: a file, or a token that `uri` names; and its certificates. */
export interface SignerPlace {
  readonly folder: string;
  readonly uri: string | undefined;
  readonly id: string;
  readonly chain: string;
}

/** A key that signs statements, for as long as its store is open, and its chain. Errors: the code for a missing key, KEYSTORE_TOKEN_*. */
export async function signerOf(
  { folder, uri, id, chain }: SignerPlace,
  given: {
    readonly input: boolean | undefined;
    readonly opened: AsyncDisposableStack;
    readonly missing: "PUBLISH_KEY_MISSING" | "ORDER_KEY_MISSING";
  },
): Promise<StatementSigner> {
  const { input, opened, missing } = given;
  const askPin = pinAsker(input !== false);
  const keys = uri === undefined ? new FileKeyStore(folder) : opened.use(openPkcs11KeyStore(uri, { askPin }));
  const key = await keys.signingKey(id).catch((cause: unknown) => {
    const place = uri === undefined ? { folder } : { token: uri };
    throw hasCode(cause, "KEYSTORE_KEY_MISSING") ? commandErrors.error(missing, place, cause) : cause;
  });
  return { key, chain: decodeAs(certificateChainCodec, await readFile(chain), { maxBytes: maxEnrolReplyBytes, what: "certificates" }) };
}
