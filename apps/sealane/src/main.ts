import { makeProgram, runProgram } from "@sealane/cli";
import { type Command, Option } from "commander";
import { version } from "./version.ts";

/** The operator's and publisher's command, and the server's. Each command's code is loaded when it is run. */

const program: Command = makeProgram("sealane")
  .description("Delivers software to terminals over networks nobody has to trust")
  .version(version);

const state = (): Option => new Option("--state <folder>", "where this installation keeps its files");

program
  .command("up")
  .description("run everything on this machine: server, terminals, a first delivery")
  .argument("[file]", "the software to deliver (by default the Node binary that runs this)")
  .option("--file <path>", "the same as the argument")
  .option("--once", "end after the deliveries; exit 0 only if all went well")
  .option("--mechanism <name>", "a mechanism, or all", "signed-transport")
  .option("--suite <name>", "a suite, or all", "hybrid")
  .addOption(new Option("--originator <party>", "who begins the link; both unless told").choices(["server", "terminal"]))
  .option("--terminals <count>", "how many terminals", "1")
  .option("--port <port>", "port of the server (a free one unless told)")
  .option("--trust-fingerprint <hex>", "the CA fingerprint that the terminals are told to expect")
  .addOption(state())
  .action(async (file: string | undefined, _options, command: Command) => (await import("./up/command.ts")).runUp(file, command));

program
  .command("init")
  .description("make a new server (CA, keys, storage) and the operator's profile beside it")
  .option("--name <name>", "name of the server", "sealane-server")
  .option("--publisher <name>", "name of the first publisher", "publisher")
  .option("--url <url>", "where terminals and operators will reach the server", "http://127.0.0.1:7440")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/init.ts")).runInit(command));

const server = program.command("server").description("the server");
server
  .command("run")
  .description("serve until SIGTERM or SIGINT")
  .option("--host <address>", "address to listen on", "127.0.0.1")
  .option("--port <port>", "port to listen on (by default that of the profile's address on this machine, else 7440)")
  .option("--public-url <url>", "where terminals reach it (by default the profile's address)")
  .option("--roles <roles>", "roles to run, separated by commas", "key,download,ca,operator")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/server.ts")).runServer(command));

program
  .command("login")
  .description("use a server from this machine")
  .requiredOption("--url <url>", "address of the server")
  .option("--token-file <path>", "file with the operator token, - for standard input", "-")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/login.ts")).runLogin(command));

const terminal = program.command("terminal").description("terminals");
terminal
  .command("token")
  .description("make a one-time enrolment token")
  .argument("<name>", "name of the terminal")
  .requiredOption("--model <model>", "model of the terminal")
  .option("--life <seconds>", "how long the token is good for")
  .option("--out <path>", "write the token to this file (0600) in place of standard output")
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/terminal.ts")).runTerminalToken(name, command));
terminal
  .command("list")
  .description("list the terminals")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/terminal.ts")).runTerminalList(command));
terminal
  .command("show")
  .description("show one terminal")
  .argument("<name>", "name of the terminal")
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/terminal.ts")).runTerminalShow(name, command));

program
  .command("publish")
  .description("seal a software version and release it")
  .argument("<file>", "the software: a file, or a tar archive")
  .requiredOption("--name <module>", "name of the software module")
  .requiredOption("--version <version>", "version, for people")
  .option("--sequence <number>", "sequence, for machines (one more than the last unless told)")
  .option("--model <model...>", "models of terminals that it fits (any unless told)")
  .addOption(new Option("--class <class>", "what it is").choices(["system", "application", "content"]).default("application"))
  .addOption(new Option("--format <format>", "how it is installed (by the file's ending unless told)").choices(["file", "tar"]))
  .option("--entry <path>", "what `exec` runs, inside the archive")
  .option("--segment-bytes <bytes>", "segment size of the sealed artefact")
  .addOption(state())
  .action(async (file: string, _options, command: Command) => (await import("./commands/publish.ts")).runPublish(file, command));

const release = program.command("release").description("released software versions");
release
  .command("list")
  .description("list the releases")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/release.ts")).runReleaseList(command));
release
  .command("offer")
  .description("let the server begin a link to terminals and offer them a module")
  .argument("<module>", "name of the software module")
  .requiredOption("--to <terminal...>", "names of terminals")
  .option("--mechanism <name>", "mechanism of the link", "signed-transport")
  .option("--suite <name>", "suite of the link", "hybrid")
  .addOption(state())
  .action(async (module: string, _options, command: Command) => (await import("./commands/release.ts")).runReleaseOffer(module, command));

program
  .command("inspect")
  .description("show the public part of anything that Sealane emits; needs no key")
  .argument("<file>", "a sealed artefact, licence, release or certificate")
  .action(async (file: string, _options, command: Command) => (await import("./commands/inspect.ts")).runInspect(file, command));

program
  .command("verify")
  .description("verify anything that Sealane emits")
  .argument("<file>", "a sealed artefact, licence, release or certificate")
  .option("--authority <path>", "the CA certificate (by default the profile's)")
  .addOption(state())
  .action(async (file: string, _options, command: Command) => (await import("./commands/verify.ts")).runVerify(file, command));

program
  .command("mechanisms")
  .description("list the ways to establish a link and what each promises")
  .action(async (_options, command: Command) => (await import("./commands/mechanisms.ts")).runMechanisms(command));

program
  .command("doctor")
  .description("look for faults in this installation")
  .option("--wait <seconds>", "wait so long for the server to answer")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/doctor.ts")).runDoctor(command));

process.exitCode = await runProgram(program, process.argv.slice(2));
