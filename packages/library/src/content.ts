/**
 * Sealed content: encrypt once, deliver anywhere, open piece by piece.
 *
 * @packageDocumentation
 */
export { type Randomness, Secret } from "@sealane/crypto";
export type { ContentKey } from "@sealane/software";
export type { ArtefactId, Bytes, Digest } from "@sealane/wire";
export type { ArtefactFacts } from "./content/facts.ts";
export { type OpenContentInput, openContent } from "./content/open.ts";
export { type SealContentOptions, SealedContent, sealContent } from "./content/seal.ts";
export { FileSpool, MemorySpool, type Spool } from "./content/spool.ts";
export type { Clock, Environment } from "./environment.ts";
