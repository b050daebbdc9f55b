import { certificateChainCodec } from "@sealane/api";
import { parseCertificate } from "@sealane/pki";
import { parseLicence } from "@sealane/software";
import { decodeAs } from "@sealane/wire";
import type { DumpedRow } from "./database-rows.ts";
import { demand } from "./failure.ts";
import { formsOf, type KnownSecret } from "./secrets.ts";

/** Something that a server knows of one terminal, in every form in which a text would show it. */
export interface Trace {
  /** For findings: what it is, and whose. */
  readonly name: string;
  readonly forms: readonly string[];
}

/** What is said of a terminal elsewhere than in the database. */
export interface TerminalFacts {
  readonly name: string;
  readonly model: string;
  /** Modules that it alone has installed. */
  readonly modules: readonly string[];
  /** Its private keys and its token. */
  readonly secrets: readonly KnownSecret[];
}

/** Bytes of what is looked for: a shorter part might be in an artefact by chance. */
const windowBytes = 15;

/** Everything by which a terminal could be known again: from its facts, and from what the server's database has of it. */
export function tracesOf(terminal: TerminalFacts, rows: readonly DumpedRow[]): readonly Trace[] {
  const { name, model, modules, secrets } = terminal;
  const traces: [string, Uint8Array][] = [
    ["name", text(name)],
    ["model", text(model)],
    ...modules.map((module): [string, Uint8Array] => ["installed module", text(module)]),
    ...secrets.map((secret): [string, Uint8Array] => [`secret ${secret.name}`, secret.bytes.subarray(-windowBytes)]),
  ];
  for (const { table, columns } of rows.filter((row) => Object.values(row.columns).includes(name))) {
    for (const [column, value] of Object.entries(columns)) {
      if (value === null) continue;
      const bytes = Buffer.from(value, "latin1");
      if (column === "chain" || column === "signing_chain") traces.push(...certificateTraces(bytes));
      else if (column === "licence") traces.push(["licence id", parseLicence(bytes).licence.licenceId]);
      else if (/digest$|thumbprint$/.test(column) || (table === "links" && column === "id")) traces.push([`${column} in ${table}`, bytes]);
    }
  }
  return traces.filter(([, bytes]) => bytes.length > 0).map(([what, bytes]) => traceOf(`${what} of ${name}`, bytes));
}

/** Traces that stand in a text, one character a byte. */
export function tracesIn(written: string, traces: readonly Trace[]): readonly Trace[] {
  return traces.filter(({ forms }) => forms.some((form) => written.includes(form)));
}

function certificateTraces(chain: Uint8Array): readonly [string, Uint8Array][] {
  const [leaf] = decodeAs(certificateChainCodec, chain, { maxBytes: chain.length, what: "chain" });
  demand(leaf !== undefined, "A terminal has a chain without a certificate.");
  const { x509, publicKey, purpose, toBeSigned } = endEntity(leaf);
  return [
    [`${purpose} thumbprint`, Buffer.from(x509.fingerprint256.replaceAll(":", ""), "hex")],
    [`${purpose} serial`, Buffer.from(x509.serialNumber.padStart(2 * windowBytes, "0"), "hex")],
    [`${purpose} key`, publicKey.raw.subarray(-windowBytes)],
    [`${purpose} certificate`, toBeSigned.subarray(0, 2 * windowBytes)],
  ];
}

function endEntity(der: Uint8Array): Extract<ReturnType<typeof parseCertificate>, { kind: "end entity" }> {
  const certificate = parseCertificate(der);
  demand(certificate.kind === "end entity", "A terminal's certificate is an authority's.");
  return certificate;
}

function traceOf(name: string, bytes: Uint8Array): Trace {
  demand(bytes.length >= windowBytes, `${name} is too short to be looked for.`);
  return { name, forms: formsOf(bytes) };
}

function text(written: string): Uint8Array {
  return new TextEncoder().encode(written);
}
