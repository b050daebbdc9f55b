/** `npm run bench [-- --json] [--only NAME]`: what is fast, beside a peer in the same run. Figures compare within one run only. */
import { parseArgs } from "node:util";
import { benchArtefact } from "./artefact.ts";
import { benchLinks } from "./links.ts";
import type { Rate } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    only: { type: "string" },
    rounds: { type: "string", default: "7" },
    size: { type: "string", default: "512" },
  },
});

/** What every benchmark gives: operations a second, a size where it has one, and the median against the peer's. */
interface Row {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: number | null;
  readonly ratio: number | null;
  readonly unit?: string;
}

const rounds = Number(values.rounds);
const benches: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  links: async () => await benchLinks({ rounds, secondsEach: 1 }),
  artefact: async () => await benchArtefact({ rounds, sizeBytes: Number(values.size) * 1024 * 1024 }),
};
const chosen = Object.entries(benches).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  process.stderr.write(`There is no benchmark "${values.only}". They are: ${Object.keys(benches).join(", ")}.\n`);
  process.exit(2);
}

for (const [name, bench] of chosen) {
  const rows = await bench();
  process.stdout.write(values.json === true ? `${JSON.stringify({ bench: name, rows })}\n` : `${name}\n${rows.map(asLine).join("\n")}\n`);
}

function asLine({ what, perSecond, bytes, ratio, unit = "/s" }: Row): string {
  const { median, min, max } = perSecond;
  const rate = `${median.toFixed(0)} ${unit} (${min.toFixed(0)} to ${max.toFixed(0)})`;
  return `  ${what.padEnd(40)} ${rate.padEnd(26)} ${bytes === null ? "" : `${bytes} bytes`}${ratio === null ? "" : `, ${ratio.toFixed(2)} x`}`;
}
