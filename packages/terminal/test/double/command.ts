/**
 * One command in a process of its own: `node command.ts fetch|install|exec STATE NOW`, for tests that kill it or take its space away.
 * Writes one line for each event and at last `done` or the code of the error; `exec` leaves its output to the program, and ends as it.
 */
import { writeSync } from "node:fs";
import { hasCode, SealaneError } from "@sealane/wire";
import { exec, fetchSoftware, install, terminalAt } from "../../src/index.ts";
import { FakeClock, HeldClock } from "./fake-clock.ts";

const [command, stateFolder = "", now] = process.argv.slice(2);
const onEvent = (event: object): void => void writeSync(1, `${JSON.stringify(event)}\n`);
const terminal = terminalAt({
  stateFolder,
  clock: new (command === "exec" ? HeldClock : FakeClock)(Number(now)),
  environment: {},
  onEvent,
});

try {
  if (command === "exec") {
    const running = await exec({ ...terminal, onEvent: () => {} }, { module: "hmi" });
    process.send?.("started");
    process.exitCode = (await running.ended).status;
  } else {
    await (command === "fetch" ? fetchSoftware(terminal) : install(terminal));
    writeSync(1, "done\n");
  }
} catch (error) {
  const reason = hasCode(error, "TERMINAL_DISK_FULL") ? String(error.details["reason"]) : "";
  writeSync(1, `${error instanceof SealaneError ? error.code : String(error)} ${reason}\n`);
}
