import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { bouncyCastleJar } from "@sealane/testkit/tools";
import type { RsaKey } from "../keys/rsa-keys.ts";

/** A question to Bouncy Castle (`PssR.java`) and what is done with its answer. */
export interface Question {
  readonly line: string;
  readonly answered: (answer: string) => void;
}

/** Bytes as a word of a question. */
export function word(bytes: Uint8Array): string {
  return bytes.length === 0 ? "-" : Buffer.from(bytes).toString("hex");
}

/** The bytes of a word of an answer. */
export function bytesIn(text: string): Uint8Array {
  return text === "-" ? new Uint8Array(0) : Uint8Array.fromHex(text);
}

/** Asks one Java process everything, then hands out the answers. Fails without Java or the jar. */
export function askBouncyCastle(keys: readonly RsaKey[], questions: readonly Question[]): void {
  const lines = [...keys.map(keyLine), ...questions.map(({ line }) => line)];
  const source = resolve(import.meta.dirname, "PssR.java");
  const java = spawnSync("java", ["-cp", bouncyCastleJar, source], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (java.error !== undefined || java.status !== 0) {
    const why = [java.error?.message, java.stderr].join("\n");
    assert.fail(`Bouncy Castle did not run (Debian: default-jdk-headless, libbcprov-java): ${why}`);
  }
  const answers = java.stdout.split("\n").slice(keys.length, -1);
  assert.equal(answers.length, questions.length);
  for (const [i, { answered }] of questions.entries()) answered(answers[i] ?? "");
}

function keyLine({ kind, native }: RsaKey): string {
  const { n, e, d, p, q, dp, dq, qi } = native.export({ format: "jwk" });
  const numbers = [n, e, d, p, q, dp, dq, qi].map((number = "") => Buffer.from(number, "base64url").toString("hex"));
  return `key ${kind} ${numbers.join(" ")}`;
}
