export { type ArchivePart, rewriteHeader, tarOf } from "@sealane/testkit/archives";
