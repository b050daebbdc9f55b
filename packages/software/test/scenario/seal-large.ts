/** Run by large-file.test.ts in a process of its own: `node seal-large.ts FOLDER`; prints the most memory it had, in KiB. */
import { join } from "node:path";
import { hashSoftwareFile, openFile, sealFile, verifyArtefactFile } from "../../src/index.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("no folder");
const source = join(folder, "software");
const target = join(folder, "software.sealane");
const sealed = await sealFile({ source, target });
await verifyArtefactFile(target, sealed);
await openFile({ source: target, target: join(folder, "opened"), contentKey: sealed.contentKey, expected: sealed });
const { listDigest } = await hashSoftwareFile(join(folder, "opened"), sealed.segmentBytes);
if (Buffer.compare(listDigest, sealed.listDigest) !== 0) throw new Error("another hash");
process.stdout.write(`${process.resourceUsage().maxRSS}\n`);
