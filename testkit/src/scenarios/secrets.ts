import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { demand } from "./failure.ts";

/** A secret and what it is called in a finding. */
export interface KnownSecret {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Bytes of a secret that are looked for: a shorter part might be in an output by chance. */
const windowBytes = 16;

/** Finds what must never be printed below a folder: private keys, storage keys, and the words in token files. */
export function secretsBelow(folder: string): readonly KnownSecret[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((name) => secretsIn(join(folder, name), name));
}

function secretsIn(path: string, name: string): KnownSecret[] {
  if (!/\.pem$|\.token$|(?:^|\/)storage\.key$/.test(name) || !statSync(path).isFile()) return [];
  const content = readFileSync(path);
  if (name.endsWith(".pem")) {
    const [, base64 = ""] = /-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]*)-----END/.exec(content.toString("latin1")) ?? [];
    const pkcs8 = Buffer.from(base64, "base64");
    return [{ name, bytes: pkcs8.subarray(-32) }]; // what stands before it is the same in every key
  }
  if (!name.endsWith(".token")) return [{ name, bytes: content }];
  const word = content.toString("utf8").trim();
  const inside = Buffer.from(word.slice(word.lastIndexOf(".") + 1), "base64url");
  return [
    { name, bytes: Buffer.from(word) },
    { name: `the bytes of ${name}`, bytes: inside.length > windowBytes ? inside.subarray(-windowBytes * 3) : Buffer.from(word) },
  ];
}

/** Fails when a text holds a secret: as it is, in hex, in base64 of any alignment, or as numbers. */
export function demandNoSecret(texts: readonly { readonly from: string; readonly text: string }[], secrets: readonly KnownSecret[]): void {
  const patterns = secrets.flatMap(({ name, bytes }) => formsOf(bytes).map((form) => ({ name, form })));
  for (const { from, text } of texts) {
    const views = [text, text.replaceAll(/\s/g, ""), text.replaceAll(/\s/g, "").toLowerCase()];
    for (const { name, form } of patterns) {
      demand(!views.some((view) => view.includes(form)), `The secret ${basename(name)} stands in the output of ${from}.`);
    }
  }
}

/** How the beginning and the end of a secret would look in a text. */
function formsOf(bytes: Uint8Array): string[] {
  const all = Buffer.from(bytes);
  demand(all.length >= windowBytes, "A secret is shorter than what is looked for.");
  const windows = [all.subarray(0, windowBytes), all.subarray(-windowBytes)];
  return windows.flatMap((window) => [window.toString("latin1"), window.toString("hex"), window.join(","), ...base64Forms(window)]);
}

/** The characters of base64 and base64url that do not depend on what stands before and behind. */
function base64Forms(window: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), window]);
    const whole = Math.floor(shifted.length / 3) * 3;
    const from = shift === 0 ? 0 : 4;
    return (["base64", "base64url"] as const).map((form) => shifted.subarray(0, whole).toString(form).slice(from));
  });
}
