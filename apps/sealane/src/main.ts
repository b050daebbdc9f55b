import { addCompletion, addHelp, makeProgram, outputOf, runProgram } from "@sealane/cli";
import { type Command, Option } from "commander";
import { databaseOptions, serverOptions } from "./config/server-options.ts";
import { examples } from "./examples.ts";
import { version } from "./version.ts";

/** The operator's and publisher's command, and the server's. Each command's code is loaded when it is run. */

const program: Command = makeProgram("sealane")
  .description("Delivers software to terminals over networks nobody has to trust")
  .version(version);

const state = (): Option =>
  new Option("--state <folder>", "where this installation keeps its files (default: sealane below the user's state folder)").env(
    "SEALANE_STATE",
  );

program
  .command("up")
  .description("run everything on this machine: server, terminals, a first delivery")
  .argument("[file]", "the software to deliver (default: the Node binary that runs this)")
  .option("--file <path>", "the same as the argument")
  .option("--once", "end after the deliveries; exit 0 only if all went well")
  .option("--mechanism <name>", "a mechanism, or all", "signed-transport")
  .option("--suite <name>", "a suite, or all", "hybrid")
  .addOption(new Option("--originator <party>", "who begins the link (default: both, one after the other)").choices(["server", "terminal"]))
  .option("--terminals <count>", "how many terminals", "1")
  .option("--port <port>", "port of the server (default: a free one)")
  .addOption(
    new Option("--database <url>", "postgres://user@host/database in place of SQLite, in a schema of its own").env("SEALANE_DATABASE_URL"),
  )
  .option("--trust-fingerprint <hex>", "the CA fingerprint that the terminals are told to expect")
  .addOption(state())
  .action(async (file: string | undefined, _options, command: Command) => {
    outputOf(command).say("Sealane begins: a server and its terminals on this machine, each a process of its own.");
    await (await import("./up/command.ts")).runUp(file, command);
  });

databaseOptions(program.command("init"))
  .description("make a new server, and beside it the operator's profile and the keys that no server has: root, publisher, operator")
  .option("--name <name>", "name of the server", "sealane-server")
  .option("--publisher <name>", "name of the first publisher", "publisher")
  .option("--url <url>", "where terminals and operators will reach the server", "http://127.0.0.1:7440")
  .option("--suites <names>", "suites to have keys for, separated by commas (default: hybrid,x25519; see `sealane mechanisms`)")
  .option("--key <uri>", "make and keep the server's keys in a token: pkcs11:token=LABEL?module-path=/PATH&pin-source=file:/PATH")
  .option(
    "--operator-key <uri>",
    "the same for the root's, the publishers' authority's and the operator's keys, which the server does not have",
  )
  .option("--publisher-key <uri>", "the same for the publisher's key, which the server does not use")
  .option("--allow <mechanism...>", "mechanisms by which applications and content are delivered beside the usual ones")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/init.ts")).runInit(command));

const server = program.command("server").description("the server");
serverOptions(server.command("run"))
  .description("serve until SIGTERM or SIGINT")
  .addOption(new Option("--host <address>", "address to listen on (default: 127.0.0.1)").env("SEALANE_LISTEN_HOST"))
  .addOption(
    new Option("--port <port>", "port to listen on (default: that of the profile's address on this machine, else 7440)").env(
      "SEALANE_LISTEN_PORT",
    ),
  )
  .addOption(new Option("--public-url <url>", "where terminals reach it (default: the profile's address)").env("SEALANE_PUBLIC_URL"))
  .addOption(new Option("--roles <roles>", "roles to run, separated by commas (default: all)").env("SEALANE_ROLES"))
  .addOption(
    new Option("--log-level <level>", "what is logged (default: info)")
      .choices(["silent", "error", "warn", "info", "debug"])
      .env("SEALANE_LOG_LEVEL"),
  )
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/server.ts")).runServer(command));
serverOptions(server.command("migrate"))
  .description("bring a stopped server to this version: its database, and the root key out of its folder")
  .option("--operator <folder>", "the operator's folder, where the root key goes (default: the one beside the server's)")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/server.ts")).runServerMigrate(command));
serverOptions(server.command("backup"))
  .description("write what a server needs to be made anew into a folder; it may run meanwhile")
  .argument("<folder>", "the folder to be made")
  .option("--artefacts", "copy the sealed artefacts too")
  .addOption(state())
  .action(async (folder: string, _options, command: Command) => (await import("./commands/server-backup.ts")).runBackup(folder, command));
serverOptions(server.command("restore"))
  .description("make a server of a backup, where there is none yet")
  .argument("<folder>", "the backup")
  .addOption(state())
  .action(async (folder: string, _options, command: Command) => (await import("./commands/server-backup.ts")).runRestore(folder, command));
server
  .command("config")
  .description("check a configuration, or print what may stand in one")
  .argument("[file]", "the configuration to check")
  .option("--schema", "print the JSON Schema")
  .action(async (file: string | undefined, _options, command: Command) =>
    (await import("./commands/server-config.ts")).runServerConfig(file, command),
  );

program
  .command("login")
  .description("use a server from this machine")
  .requiredOption("--url <url>", "address of the server")
  .option("--token-file <path>", "file with the operator token, - for standard input", "-")
  .option("--fingerprint <hex>", "fingerprint of the root certificate that the server must name (default: that of the profile here)")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/login.ts")).runLogin(command));

const terminal = program.command("terminal").description("terminals");
terminal
  .command("token")
  .description("make one-time enrolment tokens: one for each terminal")
  .argument("[names...]", "names of terminals")
  .requiredOption("--model <model>", "model of the terminals")
  .option("--names-file <path>", "a file with more names, one a line; - for standard input")
  .option("--count <number>", "terminals NAME-1 to NAME-number in place of the one NAME")
  .option("--life <time>", "how long the tokens are good for, as 90s, 30m, 12h or 7d (default: 1d)")
  .option("--out <path>", "write the token to this file (0600), or those of several to NAME.token in this folder; else to standard output")
  .addOption(state())
  .action(async (names: readonly string[], _options, command: Command) =>
    (await import("./commands/token.ts")).runTerminalToken(names, command),
  );
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
  .option("--sequence <number>", "sequence, for machines (default: one more than the server's newest)")
  .option("--model <model...>", "models of terminals that it fits (default: any)")
  .addOption(new Option("--class <class>", "what it is").choices(["system", "application", "content"]).default("application"))
  .addOption(new Option("--format <format>", "how it is installed (default: by the file's ending)").choices(["file", "tar"]))
  .option("--entry <path>", "what `exec` runs, inside the archive")
  .option("--segment-bytes <bytes>", "segment size of the sealed artefact")
  .option("--public", "let its content key be given to everybody, as an open broadcast does; for ever")
  .option("--floor <sequence>", "lowest sequence to which an order may set the module back", "0")
  .option("--again", "publish a version that is published under the next sequence, unchanged, so that terminals fetch it anew")
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
  .option("--suite <name>", "suite of the link (default: the first that both can take part in)")
  .addOption(state())
  .action(async (module: string, _options, command: Command) => (await import("./commands/release.ts")).runReleaseOffer(module, command));

release
  .command("renew")
  .description("sign releases anew, before the publisher's certificate ends, or those of version 0.1")
  .argument("<release...>", "MODULE@SEQUENCE:SHA256 of the software, as `publish` printed them")
  .requiredOption("--floor <sequence>", "lowest sequence to which an order may set the module back; 0: any")
  .addOption(state())
  .action(async (names: readonly string[], _options, command: Command) =>
    (await import("./commands/release-renew.ts")).runReleaseRenew(names, command),
  );

const order = program.command("order").description("signed orders that take terminals a step back, by the operator's own key");
const addressed = (command: Command): Command =>
  command
    .option("--terminal <name...>", "terminals by name")
    .option("--all", "every terminal of this operator")
    .option("--days <number>", "for how long it may be followed, 14 at most", "7")
    .option("--out <path>", "write it to this file, to be brought there, and ask no server")
    .addOption(state());
addressed(
  order.command("reset-clock").description("let terminals begin anew with the time of now, where a wrong time was proved to them"),
).action(async (_options, command: Command) => (await import("./commands/order.ts")).runResetClock(command));
addressed(
  order
    .command("reset-sequence")
    .description("let versions be installed again that are lower than what was installed, above the publisher's floor")
    .argument("<module>", "name of the software module")
    .requiredOption("--to <sequence>", "what is above it can be installed then"),
).action(async (module: string, _options, command: Command) => (await import("./commands/order.ts")).runResetSequence(module, command));
addressed(
  order
    .command("reset-suite")
    .description("let terminals take a suite that is not the strongest that they share with the server")
    .requiredOption("--suite <name>", "the weakest suite that they take then"),
).action(async (_options, command: Command) => (await import("./commands/order.ts")).runResetSuite(command));
order
  .command("send")
  .description("hand an order to the server that was written to a file")
  .argument("<file>", "the order")
  .addOption(state())
  .action(async (file: string, _options, command: Command) => (await import("./commands/order.ts")).runOrderSend(file, command));
order
  .command("list")
  .description("list the orders that the server hands on")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/order.ts")).runOrderList(command));

const broadcast = program.command("broadcast").description("software to whoever listens, or to a group");
broadcast
  .command("start")
  .description("broadcast the newest release of a module")
  .argument("<module>", "name of the software module")
  .addOption(
    new Option("--mechanism <name>", "how it is broadcast").choices(["open-broadcast", "group-broadcast"]).default("open-broadcast"),
  )
  .option("--suite <name>", "suite of the broadcast (default: the server's first)")
  .option("--group <name>", "the group whose members can read it (group-broadcast)")
  .option("--model <model>", "the newest release for this model of terminals")
  .option("--life <time>", "how long it runs, as 90s, 30m or 2h (default: 30m)")
  .addOption(state())
  .action(async (module: string, _options, command: Command) =>
    (await import("./commands/broadcast.ts")).runBroadcastStart(module, command),
  );
broadcast
  .command("stop")
  .description("stop a broadcast")
  .argument("<id>", "id of the broadcast")
  .addOption(state())
  .action(async (id: string, _options, command: Command) => (await import("./commands/broadcast.ts")).runBroadcastStop(id, command));
broadcast
  .command("list")
  .description("list the broadcasts that run")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/broadcast.ts")).runBroadcastList(command));

const group = program.command("group").description("groups of terminals that broadcasts are for");
group
  .command("create")
  .description("make a group")
  .argument("<name>", "name of the group")
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/group.ts")).runGroupCreate(name, command));
group
  .command("add")
  .description("add terminals to a group")
  .argument("<name>", "name of the group")
  .argument("<terminal...>", "names of terminals")
  .addOption(state())
  .action(async (name: string, terminals: string[], _options, command: Command) =>
    (await import("./commands/group.ts")).runGroupAdd(name, terminals, command),
  );
group
  .command("remove")
  .description("remove terminals from a group; a new epoch begins")
  .argument("<name>", "name of the group")
  .argument("<terminal...>", "names of terminals")
  .addOption(state())
  .action(async (name: string, terminals: string[], _options, command: Command) =>
    (await import("./commands/group.ts")).runGroupRemove(name, terminals, command),
  );
group
  .command("rotate")
  .description("begin a new epoch of a group")
  .argument("<name>", "name of the group")
  .addOption(state())
  .action(async (name: string, _options, command: Command) => (await import("./commands/group.ts")).runGroupRotate(name, command));
group
  .command("list")
  .description("list the groups")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/group.ts")).runGroupList(command));

program
  .command("inspect")
  .description("show the public part of anything that Sealane emits; needs no key")
  .argument("<file>", "a sealed artefact, licence, release or certificate")
  .action(async (file: string, _options, command: Command) => (await import("./commands/inspect.ts")).runInspect(file, command));

program
  .command("verify")
  .description("verify anything that Sealane emits")
  .argument("<file>", "a sealed artefact, licence, release or certificate")
  .option("--authority <path>", "the CA certificate (default: the profile's)")
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
  .option("--bundle <path>", "write what a support request needs to this file (.tar.gz), without secrets")
  .addOption(state())
  .action(async (_options, command: Command) => (await import("./commands/doctor.ts")).runDoctor(command));

addCompletion(program);
addHelp(program, examples);
process.exitCode = await runProgram(program, process.argv.slice(2));
