import { apiErrors } from "@sealane/api";
import { cliErrors } from "@sealane/cli";
import { coseErrors } from "@sealane/cose";
import { cryptoErrors } from "@sealane/crypto";
import { keystoreErrors } from "@sealane/keystore";
import { linkErrors } from "@sealane/link";
import { pkiErrors } from "@sealane/pki";
import { serverErrors } from "@sealane/server";
import { softwareErrors } from "@sealane/software";
import { terminalErrors } from "@sealane/terminal";
import { type ErrorEntry, systemErrors, wireErrors } from "@sealane/wire";
import { commandErrors } from "../apps/sealane/src/errors.ts";
import { libraryErrors } from "../packages/library/src/errors.ts";

/** The error tables by what they are about, in the order of the layers. */
const tables: readonly (readonly [string, Readonly<Record<string, ErrorEntry>>])[] = [
  ["Messages and encodings", wireErrors.entries],
  ["The operating system", systemErrors.entries],
  ["Keys, signatures, encryption", cryptoErrors.entries],
  ["COSE structures", coseErrors.entries],
  ["Certificates", pkiErrors.entries],
  ["Links", linkErrors.entries],
  ["Sealed artefacts, licences, releases", softwareErrors.entries],
  ["Between server and others", apiErrors.entries],
  ["Key stores", keystoreErrors.entries],
  ["Library", libraryErrors.entries],
  ["Command line", cliErrors.entries],
  ["Server", serverErrors.entries],
  ["Terminal", terminalErrors.entries],
  ["Operator's command", commandErrors.entries],
];

/** Every code with its row; fails where two tables name the same code. */
export function allErrors(): ReadonlyMap<string, ErrorEntry> {
  const all = new Map<string, ErrorEntry>();
  for (const [code, entry] of tables.flatMap(([, entries]) => Object.entries(entries))) {
    if (all.has(code)) throw new Error(`two error tables have the code ${code}`);
    all.set(code, entry);
  }
  return all;
}

/** The text of docs/errors.md. */
export function errorsDocument(): string {
  const head = [
    "# Errors",
    "",
    "Made from the error tables by `node scripts/errors-doc.ts`; a test keeps both equal. Exit codes: [exit-codes.md](exit-codes.md).",
    "A stranger who talks to a server is told `LINK_REFUSED` or `ENROL_REFUSED` and nothing more; the server's log has the precise code.",
  ];
  const sections = tables.map(([title, entries]) => {
    const rows = Object.entries(entries).map(
      ([code, { sentence, advice, exit, http }]) => `| \`${code}\` | ${sentence} | ${advice} | ${exit} | ${http} |`,
    );
    return ["", `## ${title}`, "", "| code | what failed | what to do | exit | HTTP |", "|---|---|---|---|---|", ...rows].join("\n");
  });
  return `${head.join("\n")}\n${sections.join("\n")}\n`;
}
