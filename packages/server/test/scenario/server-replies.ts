import assert from "node:assert/strict";
import type { ServerReply } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import type { ConfidentialLink } from "@sealane/link";
import { equalBytes } from "@sealane/wire";
import type { Prepared } from "./publisher.ts";

/** What a server says on a link, as tests look at it. */

export type Grant = Extract<ServerReply, { kind: "authorised" }>;

export function granted(reply: ServerReply): Grant {
  assert.ok(reply.kind === "authorised", JSON.stringify(reply));
  return reply;
}

export function refusedCode(reply: ServerReply): string {
  assert.ok(reply.kind === "refused", reply.kind);
  return reply.code;
}

export function versions(reply: ServerReply): readonly string[] {
  assert.ok(reply.kind === "offers", reply.kind);
  return reply.offers.map(({ version }) => version);
}

/** Whether the wrap opens on this link for this licence, to the content key that the publisher sealed with. */
export function opensTo(prepared: Prepared, link: ConfidentialLink, grant: Grant, nowSeconds: number): boolean {
  const binding = { artefactId: prepared.artefactId, licenceDigest: sha256(grant.licence), nowSeconds };
  using key = link.unwrap(grant.wrap, binding);
  return key.use((opened) => prepared.contentKey.use((sealed) => equalBytes(opened, sealed)));
}
