// Content: seal a stream of any length into a file, and open it as it arrives.
import { createWriteStream, openAsBlob } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { systemEnvironment as environment } from "@sealane/link";
import { FileSpool, openContent, sealContent } from "@sealane/link/content";

const folder = await mkdtemp(join(tmpdir(), "content-"));
const path = (name: string) => join(folder, name);
const reading = async (name: string) => (await openAsBlob(path(name))).stream();
const writing = (name: string): WritableStream<Uint8Array> => Writable.toWeb(createWriteStream(path(name)));
await writeFile(path("film"), Buffer.alloc(5_000_000, "a film "));

await using spool = await FileSpool.create(folder);
using sealed = await sealContent(await reading("film"), { spool, environment });
await sealed.stream().pipeTo(writing("film.sealed")); // anybody may hold this file

// Until the pipe has ended without an error, only a part is there: open into a file that is renamed afterwards.
const opening = openContent({ artefact: sealed.artefact, contentKey: sealed.contentKey });
await (await reading("film.sealed")).pipeThrough(opening).pipeTo(writing("film.opened"));

const isSame = (await readFile(path("film"))).equals(await readFile(path("film.opened")));
console.log(`${sealed.artefact.plaintextBytes} bytes sealed and opened: ${isSame ? "the same" : "different"}`);
