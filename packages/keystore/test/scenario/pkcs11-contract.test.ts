import { describe } from "node:test";
import { SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { keyStoreContract } from "../unit/key-store-contract.ts";

describe("KSIM: tokens keep keys as files do", { skip: withoutTokens }, () => {
  if (withoutTokens !== false) return;
  keyStoreContract("a token", async () => new SoftToken(), {
    sign: ["ed25519", "p256", "rsa2048", "rsa3072"],
    decrypt: ["x25519", "p256", "rsa2048", "rsa4096"],
    agree: ["x25519", "p256", "ffdhe2048", "ffdhe3072", "ffdhe4096"],
  });
});
