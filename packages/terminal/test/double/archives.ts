export { type ArchivePart, tarOf } from "@sealane/testkit/archives";
