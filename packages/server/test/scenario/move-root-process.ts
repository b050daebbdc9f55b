/** Moves the root's key out of a server's folder as a process of its own, to be killed: `node move-root-process.ts FOLDER SECONDS`. */
import { moveRoot } from "../../src/index.ts";

const [, , folder = "", seconds] = process.argv;
process.stdout.write(await moveRoot({ folder, nowSeconds: Number(seconds) }));
