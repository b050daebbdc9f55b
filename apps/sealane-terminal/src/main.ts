import { addCompletion, addHelp, makeProgram, runProgram } from "@sealane/cli";
import { type Command, Option } from "commander";
import { examples } from "./examples.ts";
import { version } from "./version.ts";

/** The device's command. Each command's code is loaded when it is run. */

const program: Command = makeProgram("sealane-terminal")
  .description("Fetches, checks, installs and runs software that was delivered by Sealane")
  .version(version);

const state = (): Option =>
  new Option(
    "--state <folder>",
    "where this terminal keeps its keys and software (default: sealane-terminal below the user's state folder)",
  ).env("SEALANE_TERMINAL_STATE");
const verbose = (): Option => new Option("-v, --verbose", "say how the link was made, what it promises and who else could read");
const module = "name of the software module";

program
  .command("enroll")
  .description("make keys and have them certified, with a one-time token")
  .option("--token-file <path>", "file with the token, - for standard input", "-")
  .option("--fingerprint <hex>", "the CA's fingerprint, where it is known by another way than the token")
  .option("--suites <names>", "suites to have keys for, separated by commas (default: hybrid,x25519; see `sealane mechanisms`)")
  .option("--key <uri>", "make and keep the keys in a token: pkcs11:token=LABEL?module-path=/PATH&pin-source=file:/PATH")
  .option("--replace", "leave the server that this terminal is enrolled with")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/enroll.ts")).runEnroll(command));

program
  .command("fetch")
  .description("fetch the newest software with its licence; goes on where a former fetch of it was cut")
  .argument("[module]", module)
  .option("--mechanism <name>", "mechanism of the link (default: signed-transport)")
  .option("--suite <name>", "suite of the link, also a weaker one than before (default: the strongest that both have)")
  .addOption(new Option("--originator <party>", "who begins the link").choices(["server", "terminal"]).default("terminal"))
  .option("--source <place>", "an address or a file that has the sealed artefact, in place of the server")
  .addOption(new Option("--key-only", "take licence and content key, and let the software come later, by any way").conflicts("source"))
  .option("--wait <seconds>", "how long to wait for the server to begin")
  .addOption(verbose())
  .addOption(state())
  .action(async (name: string | undefined, _options, command: Command) => (await import("./commands/fetch.ts")).runFetch(name, command));

program
  .command("listen")
  .description("hear what a server broadcasts and fetch it; needs no enrolment, only to know whom to trust")
  .argument("[module]", module)
  .option("--url <url>", "where the server is (an enrolled terminal knows)")
  .option("--trust <path>", "the CA certificate whose servers are believed (PEM or DER)")
  .option("--fingerprint <hex>", "its SHA-256 in place of it: the certificate is then fetched from the server")
  .addOption(new Option("--standing <party>", "who stands behind that CA").choices(["operator", "manufacturer", "third-party"]))
  .option("--model <model>", "model of this terminal, for software that depends on it")
  .option("--source <place>", "an address or a file that has the sealed artefact, in place of the server")
  .option("--suite <name>", "only broadcasts on this suite, also a weaker one than before (default: any that is not weaker)")
  .option("--once", "end after one software")
  .addOption(verbose())
  .option("--wait <seconds>", "end after this time (default: 25 with --once, else never)")
  .addOption(state())
  .action(async (name: string | undefined, _options, command: Command) => (await import("./commands/listen.ts")).runListen(name, command));

program
  .command("discard")
  .description("give up what was fetched of a module, or begun, with its licence and content key; what is installed stays")
  .argument("<module>", module)
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/discard.ts")).runDiscard(name, command));

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
  .option("--user <user>", "name or number of the user as whom it runs, for root (default: a user of the module's own)")
  .addOption(
    new Option("--env <variable>", "NAME=VALUE for its environment, or NAME to pass on what is set here; may be repeated")
      .argParser((given: string, before: readonly string[]) => [...before, given])
      .default([], "none"),
  )
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
  .command("order")
  .description("do what an order of the operator says: go a step back with the clock, or with a module")
  .argument("[file]", "the order (default: those that wait at the server)")
  .addOption(state())
  .action(async (file: string | undefined, _options, command: Command) => (await import("./commands/order.ts")).runOrder(file, command));

program
  .command("status")
  .description("show what this terminal is and has")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/status.ts")).runStatus(command));

addCompletion(program);
addHelp(program, examples);
process.exitCode = await runProgram(program, process.argv.slice(2));
