/** Preloaded into a command with `--import`: its clock is ahead of the machine's by SEALANE_CLOCK_SECONDS (behind, if negative). */

const milliseconds = Number(process.env["SEALANE_CLOCK_SECONDS"]) * 1000;
if (!Number.isFinite(milliseconds)) throw new Error("SEALANE_CLOCK_SECONDS is to be a number of seconds.");

const machineNow = Date.now;
const now = (): number => machineNow() + milliseconds;

Date.now = now;
globalThis.Date = new Proxy(Date, {
  apply: () => new Date().toString(),
  construct: (target, args, newTarget): object => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
});
