import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { type Document, isNode, LineCounter, parseDocument, type Scalar, visit } from "yaml";
import { commandErrors } from "../errors.ts";
import { configSchema, type JsonSchema, type ServerConfig } from "./schema.ts";

const maxConfigBytes = 65_536;

/**
 * Reads `server.yaml`: YAML 1.2, one document, no aliases. Paths in it are made absolute. Every fault is told with line
 * and column, the first one in fields of their own, the others in `others`; of an unknown key also a known one that is near. Error:
 * CONFIG_WRONG.
 */
export async function loadConfig(path: string): Promise<ServerConfig> {
  return withPaths(parseConfig(await readFile(path, "utf8"), path), dirname(resolve(path)));
}

/** The same for a text that stands in `file`, with the paths as they are. Error: CONFIG_WRONG. */
export function parseConfig(text: string, file: string): ServerConfig {
  const lines = new LineCounter();
  const at = (offset: number): { file: string; line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  if (text.length > maxConfigBytes) throw wrong({ ...at(0), reason: `longer than ${maxConfigBytes} bytes` });
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const faults: Fault[] = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...at(pos[0]),
    reason: message.split("\n")[0]?.replace(/ at line .*$/, "") ?? "",
  }));
  visit(document, { Alias: (_, node) => void faults.push({ ...at(node.range?.[0] ?? 0), reason: "aliases are not allowed" }) });
  requireNone(faults);
  const value: unknown = document.toJS() ?? {};
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile<ServerConfig>(configSchema);
  if (validate(value)) return value;
  requireNone((validate.errors ?? []).map((error) => ({ ...at(offsetOf(document, error)), ...told(error) })));
  throw wrong({ ...at(0), reason: "is not a configuration" });
}

/** Where a fault is, and what. */
type Fault = Readonly<Record<string, string | number>> & { readonly file: string; readonly line: number; readonly column: number };

/** Tells all faults in one error, in the order of the file. Error: CONFIG_WRONG. */
function requireNone(faults: readonly Fault[]): void {
  const [first, ...others] = faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
  if (first === undefined) return;
  const words = others.map(({ file: _, line, column, ...what }) => {
    const facts = Object.entries(what).map(([name, value]) => `${name} ${value}`);
    return `line ${line}, column ${column}: ${facts.join(", ")}`;
  });
  throw wrong(words.length === 0 ? first : { ...first, others: words.join("; ") });
}

function wrong(details: Readonly<Record<string, string | number>>): Error {
  return commandErrors.error("CONFIG_WRONG", details);
}

/** What is wrong, without the value: it may be a secret in the wrong place. */
function told(error: ErrorObject): Readonly<Record<string, string>> {
  const key = error.instancePath.slice(1).replaceAll("/", ".");
  if (error.keyword === "additionalProperties") {
    const unknown = String(error.params["additionalProperty"]);
    const known = Object.keys(knownAt(error.instancePath));
    const [nearest] = known.filter((each) => isNear(unknown, each)).toSorted((a, b) => distance(unknown, a) - distance(unknown, b));
    const reason = /password|secret|token|key$/.test(unknown) ? "unknown key; a secret belongs in a file" : "unknown key";
    return { key: key === "" ? unknown : `${key}.${unknown}`, reason, ...(nearest === undefined ? {} : { nearest }) };
  }
  const allowed = error.params["allowedValues"] as readonly string[] | undefined;
  const expected = allowed === undefined ? (error.message ?? error.keyword) : `one of ${allowed.join(", ")}`;
  return { key, reason: expected };
}

function knownAt(instancePath: string): object {
  const parts = instancePath.split("/").slice(1);
  return parts.reduce<JsonSchema | undefined>((schema, part) => schema?.properties?.[part], configSchema)?.properties ?? {};
}

/** Where the key stands that is unknown, or the value that is wrong. */
function offsetOf(document: Document.Parsed, error: ErrorObject): number {
  const path = error.instancePath.split("/").slice(1);
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (error.keyword === "additionalProperties") {
    let found: number | undefined;
    visit(isNode(node) ? node : document, {
      Pair: (_, { key }) => {
        const scalar = key as Scalar;
        if (found === undefined && scalar.value === error.params["additionalProperty"]) found = scalar.range?.[0];
      },
    });
    return found ?? 0;
  }
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** Whether a word may be meant by another: one is the beginning of the other, or a third of it at most is different. */
function isNear(unknown: string, known: string): boolean {
  const [short, long] = unknown.length < known.length ? [unknown, known] : [known, unknown];
  return (short.length >= 4 && long.startsWith(short)) || distance(unknown, known) <= Math.max(2, Math.floor(long.length / 3));
}

/** Edits between two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function withPaths(config: ServerConfig, folder: string): ServerConfig {
  const { listen, database, storage_key_file } = config;
  const tls = listen?.tls;
  const absolute = (path: string): string => resolve(folder, path);
  return {
    ...config,
    ...(tls === undefined
      ? {}
      : { listen: { ...listen, tls: { certificate_file: absolute(tls.certificate_file), key_file: absolute(tls.key_file) } } }),
    ...(database?.password_file === undefined ? {} : { database: { ...database, password_file: absolute(database.password_file) } }),
    ...(storage_key_file === undefined ? {} : { storage_key_file: absolute(storage_key_file) }),
  };
}
