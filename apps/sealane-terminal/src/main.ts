import { makeProgram, runProgram } from "@sealane/cli";
import { type Command, Option } from "commander";
import { version } from "./version.ts";

/** The device's command. Each command's code is loaded when it is run. */

const program: Command = makeProgram("sealane-terminal")
  .description("Fetches, checks, installs and runs software that was delivered by Sealane")
  .version(version);

const state = (): Option => new Option("--state <folder>", "where this terminal keeps its keys and software");
const module = "name of the software module";

program
  .command("enroll")
  .description("make keys and have them certified, with a one-time token")
  .option("--token-file <path>", "file with the token, - for standard input", "-")
  .option("--fingerprint <hex>", "the CA's fingerprint, where it is known by another way than the token")
  .option("--replace", "leave the server that this terminal is enrolled with")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/enroll.ts")).runEnroll(command));

program
  .command("fetch")
  .description("fetch the newest software with its licence; goes on where a former fetch was cut")
  .argument("[module]", module)
  .option("--mechanism <name>", "mechanism of the link", "signed-transport")
  .option("--suite <name>", "suite of the link", "hybrid")
  .addOption(new Option("--originator <party>", "who begins the link").choices(["server", "terminal"]).default("terminal"))
  .option("--source <place>", "an address or a file that has the sealed artefact, in place of the server")
  .option("--wait <seconds>", "how long to wait for the server to begin")
  .addOption(state())
  .action(async (name: string | undefined, _options, command: Command) => (await import("./commands/fetch.ts")).runFetch(name, command));

program
  .command("install")
  .description("install fetched software; the version before is kept")
  .argument("[module]", module)
  .addOption(new Option("--stop-before <stage>", "end before a stage").choices(["check", "unpack", "switch", "clean"]))
  .addOption(state())
  .action(async (name: string | undefined, _options, command: Command) =>
    (await import("./commands/install.ts")).runInstall(name, command),
  );

program
  .command("exec")
  .description("run installed software while its licence permits it")
  .argument("<module>", module)
  .argument("[arguments...]", "arguments of the software, behind --")
  .addOption(state())
  .action(async (name: string, args: string[], _options, command: Command) =>
    (await import("./commands/exec.ts")).runExec(name, args, command),
  );

program
  .command("rollback")
  .description("go back to the version before")
  .argument("<module>", module)
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/rollback.ts")).runRollback(name, command));

program
  .command("status")
  .description("show what this terminal is and has")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/status.ts")).runStatus(command));

process.exitCode = await runProgram(program, process.argv.slice(2));
