import assert from "node:assert/strict";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { serialize } from "node:v8";

/** 32 bytes that no other output contains by chance. */
export function markedBytes(): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => 0xa1 + ((i * 7) % 90));
}

/** Fails when a text shows a run of eight of these bytes in a form that people print bytes in. */
export function assertHidden(text: string, secret: Uint8Array): void {
  const run = Buffer.from(secret).subarray(8, 17); // nine, so that base64 is aligned
  const forms = [
    run.toString("hex"),
    run.toString("hex").match(/../g)?.join(" "),
    run.toString("hex").match(/../g)?.join(":"),
    Buffer.from(secret).toString("base64").slice(12, 20),
    Buffer.from(secret).toString("base64url").slice(12, 20),
    run.toString("latin1"),
    run.toString("utf8"),
    [...run].join(","),
    [...run].join(", "),
    [...run].map((byte, i) => `"${8 + i}":${byte}`).join(","),
  ];
  const oneLine = text.replaceAll(/\s+/g, " ").toLowerCase();
  for (const form of forms) {
    assert.ok(form !== undefined && !oneLine.includes(form.toLowerCase()), "the bytes are shown");
  }
}

/** Every text that logging, printing or copying `value` gives. */
export function renderings(value: unknown): readonly string[] {
  const texts = [
    String(value),
    `${inspect(value)}`,
    inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true, maxArrayLength: null }),
    printed(value),
    Object.entries(Object(value)).map(String).join(),
    Reflect.ownKeys(Object(value)).map(String).join(),
    attempt(() => JSON.stringify(value)),
    attempt(() => inspect(structuredClone(value), { depth: Number.POSITIVE_INFINITY, showHidden: true })),
    attempt(() => serialize(value).toString("latin1")),
  ];
  return texts;
}

/** Proves that the forms are looked for: all but the names of the fields show bare bytes. */
export function assertShown(secret: Uint8Array): void {
  const hidden = renderings({ secret, toString: () => inspect(secret) }).filter((text) => {
    try {
      assertHidden(text, secret);
      return true;
    } catch {
      return false;
    }
  });
  assert.deepEqual(
    hidden.filter((text) => !text.includes("could not be cloned")),
    ["secret,toString"],
  );
}

function printed(value: unknown): string {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done): void {
      chunks.push(chunk);
      done();
    },
  });
  const sink = new Console({ stdout: stream, stderr: stream });
  sink.log(value);
  sink.error(
    "%o %O %s %j",
    value,
    value,
    value,
    attempt(() => JSON.stringify(value)),
  );
  sink.dir(value, { depth: null, showHidden: true });
  sink.table([value]);
  return Buffer.concat(chunks).toString("latin1");
}

function attempt(make: () => string): string {
  try {
    return make();
  } catch (error) {
    return inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  }
}
