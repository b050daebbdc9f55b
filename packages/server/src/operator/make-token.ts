import { formatEnrolToken, type TokenView } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { anonymousRecipient } from "@sealane/software";
import { digest, type Name } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { tokenIdBytes, tokenSecretBytes } from "../limits.ts";
import type { OperatorRole } from "./operator-role.ts";

export interface TokenInput {
  readonly name: Name;
  readonly model: string;
  readonly lifeSeconds: number;
}

/** Makes a one-time enrolment token in place of any other of its name. Errors: SERVER_NAME_TAKEN, STORE_*. */
export async function makeToken(role: OperatorRole, input: TokenInput): Promise<TokenView> {
  const { name, model, lifeSeconds } = input;
  const { anchor, name: own, random, now, publicUrl } = role;
  if (name === own || name === anonymousRecipient) throw serverErrors.error("SERVER_NAME_TAKEN", { name });
  const createdAtSeconds = now();
  const expiresAtSeconds = createdAtSeconds + lifeSeconds;
  const tokenId = random.bytes(tokenIdBytes);
  const tokenSecret = random.bytes(tokenSecretBytes);
  await role.atomically(async ({ enrolmentTokens }) => {
    await enrolmentTokens.put({ id: tokenId, secretDigest: sha256(tokenSecret), name, model, createdAtSeconds, expiresAtSeconds });
  });
  const fingerprint = digest(anchor.thumbprint);
  return { token: formatEnrolToken({ url: publicUrl(), fingerprint, tokenId, tokenSecret, name, model }), expiresAtSeconds };
}
