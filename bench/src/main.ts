/** `npm run bench [-- --json] [--only links]`: what is fast, beside a peer in the same run. Figures compare within one run only. */
import { parseArgs } from "node:util";
import { benchLinks, type LinkRow } from "./links.ts";

const { values } = parseArgs({
  options: { json: { type: "boolean" }, only: { type: "string" }, rounds: { type: "string", default: "7" } },
});

const benches = { links: benchLinks } as const;
const chosen = Object.entries(benches).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  process.stderr.write(`There is no benchmark "${values.only}". They are: ${Object.keys(benches).join(", ")}.\n`);
  process.exit(2);
}

for (const [name, bench] of chosen) {
  const rows = await bench({ rounds: Number(values.rounds), secondsEach: 1 });
  process.stdout.write(values.json === true ? `${JSON.stringify({ bench: name, rows })}\n` : `${name}\n${rows.map(asLine).join("\n")}\n`);
}

function asLine({ what, perSecond, bytes, ratio }: LinkRow): string {
  const { median, min, max } = perSecond;
  const rate = `${median.toFixed(0)}/s (${min.toFixed(0)} to ${max.toFixed(0)})`;
  return `  ${what.padEnd(34)} ${rate.padEnd(26)} ${bytes === null ? "" : `${bytes} bytes`}${ratio === null ? "" : `, ${ratio.toFixed(2)} x`}`;
}
