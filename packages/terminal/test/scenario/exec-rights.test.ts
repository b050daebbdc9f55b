import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "@sealane/testkit/eventually";
import { without } from "@sealane/testkit/tools";
import type { ExecInput } from "../../src/exec.ts";
import { exec, install, type TerminalEvent } from "../../src/index.ts";
import { numberOfModule } from "../../src/software-number.ts";
import { tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { HeldClock } from "../double/fake-clock.ts";
import { ProgramOutput } from "../double/program-output.ts";
import { type TestSoftware, TestTerminal } from "../double/test-terminal.ts";

/** What software may that `exec` starts: nothing of the terminal's, and no longer than the terminal watches it. */

const notLinux = process.platform === "linux" ? false : "only Linux starts software with less rights";
const notRoot = process.getuid?.() === 0 ? false : "only root can give software a user of its own: run the tests as root";

const script = (lines: string): TestSoftware => ({ content: new TextEncoder().encode(`#!/bin/sh\n${lines}\n`) });

async function installed(t: TestContext, ...software: readonly TestSoftware[]): Promise<TestTerminal> {
  const world = await TestTerminal.create(t, new HeldClock());
  for (const each of software) {
    await world.stage(each);
    await install(world.terminal);
  }
  return world;
}

/** Runs a module to its end and gives the lines that it writes. */
async function linesOf({ terminal }: Pick<TestTerminal, "terminal">, input: Partial<ExecInput> = {}): Promise<readonly string[]> {
  using output = new ProgramOutput();
  const running = await exec(terminal, { module: "hmi", ...input, stdio: output.stdio });
  const lines = await output.end();
  await running.ended;
  return lines;
}

test("WHO: software of a terminal that root runs reads no key and writes no slot, and modules have different users", {
  skip: notLinux || notRoot,
}, async (t) => {
  const tries = [
    'own="$(dirname "$0")"; state="$own/../../../../.."',
    'cat "$state"/keys/*.pem >/dev/null 2>&1 && echo "read a key"',
    'ls "$state/keys" >/dev/null 2>&1 && echo "saw the keys"',
    'cat "$state/identity.cbor" >/dev/null 2>&1 && echo "read the identity"',
    'for file in "$0" "$own/../licence.cwt" "$state/modules/film/slots/1/software/film" "$state/modules/film/module.cbor"; do',
    '  { echo x >>"$file"; } 2>/dev/null && echo "wrote $file"; chmod 777 "$file" 2>/dev/null && echo "opened $file"; done',
    'for folder in "$own" "$own/.." "$own/../.." "$state" "$state/modules/film/slots" "$state/downloads"; do',
    '  mkdir "$folder/new" 2>/dev/null && echo "made a folder in $folder"; done',
    'mv "$state/modules/film/current" "$own/x" 2>/dev/null && echo "moved a link"',
    "id -u; id -g; id -G",
  ];
  const film: TestSoftware = { ...script("id -u"), module: "film", entry: "film" };
  const world = await installed(t, film, script(tries.join("\n")));
  const lines = await linesOf(world);
  const [uid = ""] = lines;
  assert.deepEqual(lines, [uid, uid, uid]);
  assert.ok(Number(uid) >= 61_184 && Number(uid) <= 65_519, uid);
  assert.notEqual((await linesOf(world, { module: "film" }))[0], uid);
  const { start } = startOf(world.events);
  assert.deepEqual(
    [start?.readsKeys, start?.user, start?.noNewPrivileges],
    [false, Number((await linesOf(world, { module: "film" }))[0]), true],
  );
});

test("WHO: software on a terminal screen cannot type into the shell of root, and the keyboard still reaches it", {
  skip: notLinux || notRoot || without("script"),
}, async (t) => {
  const program = "cut -d ' ' -f 7 /proc/self/stat; trap 'echo interrupted; exit 7' INT; echo ready; while read -r line; do :; done";
  const { terminal, clock } = await installed(t, script(program));
  const line = [process.execPath, commandFile, "exec", terminal.folder.path, String(clock.now)].join(" ");
  const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const shown: string[] = [];
  for await (const each of createInterface({ input: child.stdout })) {
    shown.push(each);
    if (each === "ready") child.stdin.write("\x03");
  }
  assert.equal(shown[0], "0", "it has the screen as its controlling terminal");
  assert.match(shown.join(), /ready,.*interrupted/);
});

test("WHO: a module whose name was chosen to give the number of another module's user is given another one", {
  skip: notLinux || notRoot,
}, async (t) => {
  const twin = nameWithNumberOf("hmi");
  const world = await installed(t, script("id -u"), { ...script("id -u"), module: twin, entry: twin });
  const [[first], [second]] = [await linesOf(world), await linesOf(world, { module: twin })];
  assert.notEqual(first, second);
  assert.deepEqual(await linesOf(world, { module: twin }), [second]);
  // The control: alone it has the number that its name gives.
  assert.deepEqual(await linesOf(await installed(t, { ...script("id -u"), module: twin, entry: twin }), { module: twin }), [first]);
});

test("a wish for a user is followed by root only, and whoever could read the keys is said to", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("id -u"));
  const own = String(process.getuid?.());
  assert.deepEqual(await linesOf(world, { user: own }), [own]);
  assert.equal(startOf(world.events).start?.readsKeys, true);
  await assert.rejects(linesOf(world, { user: "no-such-user-here" }), code("TERMINAL_USER_UNKNOWN"));
  await assert.rejects(linesOf(world, { user: "4294967295" }), code("TERMINAL_USER_UNKNOWN"));
  if (notRoot === false) {
    assert.deepEqual(await linesOf(world, { user: "54321" }), ["54321"]);
    assert.deepEqual(await linesOf(world, { user: "nobody" }), await linesOf(world, { user: "65534" }));
  } else await assert.rejects(linesOf(world, { user: "54321" }), code("TERMINAL_USER_NOT_ALLOWED"));
});

test("software has no way to gain rights, and no capability of the terminal's", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("exec grep -E '^(NoNewPrivs|CapInh|CapPrm|CapEff|CapAmb):' /proc/self/status"));
  const lines = await linesOf(world);
  assert.ok(lines.includes("NoNewPrivs:\t1"), lines.join());
  const capabilities = lines.filter((line) => line.startsWith("Cap"));
  assert.equal(capabilities.length, 4);
  assert.ok(
    capabilities.every((line) => /\t0+$/.test(line)),
    lines.join(),
  );
});

test("WHO: software inherits no capability that the terminal was started with", { skip: notLinux || notRoot }, async (t) => {
  const world = await installed(t, script("grep -E '^(CapInh|CapAmb):' /proc/self/status; read -r line"));
  const capable = ["setpriv", "--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--"];
  const { child, stdin, stdout } = commandOf(world, { before: capable });
  await once(child, "message");
  const [status] = readFileSync(`/proc/${child.pid}/status`, "latin1").match(/^CapInh:\t[0-9a-f]+$/m) ?? [];
  assert.doesNotMatch(status ?? "", /\t0+$/, "the terminal itself has it");
  stdin.end("\n");
  assert.deepEqual((await text(stdout)).trim().split("\n"), ["CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"]);
});

test("software knows of its surroundings the language, its home and what it is given", async (t) => {
  const world = await installed(t, script("exec env"));
  const secret = {
    HTTPS_PROXY: "http://user:secret@proxy/",
    SEALANE_PIN: "1234",
    NODE_OPTIONS: "--inspect",
    LD_PRELOAD: "/x.so",
    LCX: "x",
  };
  const terminal = { ...world.terminal, environment: { ...secret, LANG: "C", LC_TIME: "de_DE", TZ: "UTC", HOME: "/home/of-the-caller" } };
  const lines = await linesOf({ terminal }, { environment: { GIVEN: "a=b c" } });
  const ofTheShell = /^(PWD|OLDPWD|SHLVL|_)=/;
  assert.deepEqual(lines.filter((line) => !ofTheShell.test(line)).sort(), [
    "GIVEN=a=b c",
    `HOME=${notRoot === false && notLinux === false ? "/" : "/home/of-the-caller"}`,
    "LANG=C",
    "LC_TIME=de_DE",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    `SEALANE_SOFTWARE=${world.terminal.folder.module("hmi").slot(1).software}`,
    "TZ=UTC",
  ]);
  for (const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH", "1A", "A-B", "A=B", ""]) {
    await assert.rejects(linesOf(world, { environment: { [name]: "x" } }), code("TERMINAL_VARIABLE_WRONG"));
  }
});

test("software inherits three descriptors and its folder's, whatever the terminal was started with", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("exec ls -l /proc/self/fd"));
  using secret = openFile("/etc/passwd");
  const lines = (await text(commandOf(world, { stray: secret.descriptor }).stdout)).trim().split("\n");
  const targets = new Map(lines.slice(1).map((line) => /(\d+) -> (.*)$/.exec(line)?.slice(1, 3) as [string, string]));
  targets.delete([...targets].findLast(([, target]) => /^\/proc\/\d+\/fd$/.test(target))?.[0] ?? ""); // the one by which ls reads
  assert.equal(targets.get("3"), world.terminal.folder.module("hmi").slot(1).software);
  assert.equal(targets.get(String(strayDescriptor)), "/dev/null");
  const further = [...targets].filter(([descriptor]) => Number(descriptor) > 3);
  assert.deepEqual(
    further.filter(([, target]) => target !== "/dev/null"),
    [],
  );
});

test("input reaches software and its status comes back through the command", async (t) => {
  const world = await installed(t, script('read -r line; echo "got $line"; exit 42'));
  const { child, stdin, stdout } = commandOf(world);
  const exited = once(child, "exit");
  stdin.end("a line\n");
  assert.equal(await text(stdout), "got a line\n");
  const [status] = await exited;
  assert.equal(status, 42);
});

test("PERMIT: software ends with the terminal that watches its licence, and so does what it started", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("sleep 600 & echo ready; wait"));
  const { child, stdout } = commandOf(world);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  await once(child, "message"); // it watches
  assert.equal((await lines.next()).value, "ready");
  child.kill("SIGKILL");
  assert.equal((await lines.next()).done, true); // the pipe ends with the last process that has it
});

test("PERMIT: software ends with the terminal also where what watches over both was killed before", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("echo ready; exec sleep 600"));
  const { child, stdout } = commandOf(world);
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  await once(child, "message");
  assert.equal((await lines.next()).value, "ready");
  const guardians = childrenOf(child.pid ?? 0).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("read -r target"));
  assert.equal(guardians.length, 1);
  for (const pid of guardians) process.kill(pid, "SIGKILL");
  await eventually(() => !childrenOf(child.pid ?? 0).some((pid) => guardians.includes(pid)), "The guardian does not end.");
  child.kill("SIGKILL");
  assert.equal((await lines.next()).done, true);
});

test("PERMIT: what a program leaves behind in its group ends with it", { skip: notLinux }, async (t) => {
  const world = await installed(t, script("sleep 600 & exit 3"));
  using output = new ProgramOutput();
  const running = await exec(world.terminal, { module: "hmi", stdio: output.stdio });
  assert.deepEqual(await output.end(), []);
  assert.equal((await running.ended).status, 3);
});

const archive = async (): Promise<TestSoftware> => ({
  format: "tar",
  entry: "bin/run",
  content: await tarOf([
    { name: "bin/run", mode: 0o755, content: "#!/bin/sh\nexit 0\n" },
    { name: "bin/library", content: "right" },
    { name: "empty", content: "" },
    { name: "link", type: "symlink", linkname: "bin/library" },
    { name: "large", content: "x".repeat(2_000_000) },
  ]),
});

const other = "#!/bin/sh\nexit 99\n";

/** Changes below an installed archive, each by somebody who may write there. */
const changes: Readonly<Record<string, (folder: string) => void>> = {
  "the program, in place": (folder) => {
    chmodSync(join(folder, "bin/run"), 0o755);
    writeFileSync(join(folder, "bin/run"), other);
    chmodSync(join(folder, "bin/run"), 0o555);
  },
  "the program, by another file": (folder) => {
    writeFileSync(join(folder, "bin/new"), other, { mode: 0o555 });
    renameSync(join(folder, "bin/new"), join(folder, "bin/run"));
  },
  "the program's folder": (folder) => {
    renameSync(join(folder, "bin"), join(folder, "../bin"));
    symlinkSync("../bin", join(folder, "bin"));
    chmodSync(join(folder, "../bin/run"), 0o755);
    writeFileSync(join(folder, "../bin/run"), other);
  },
};

/** Changes of what the program would open later. */
const laterChanges: typeof changes = {
  "a library": (folder) => {
    chmodSync(join(folder, "bin/library"), 0o644);
    writeFileSync(join(folder, "bin/library"), "wrong");
    chmodSync(join(folder, "bin/library"), 0o444);
  },
  "a file without content": (folder) => {
    writeFileSync(join(folder, "new"), "x", { mode: 0o444 });
    renameSync(join(folder, "new"), join(folder, "empty"));
  },
  "a link": (folder) => {
    symlinkSync("empty", join(folder, "new"));
    renameSync(join(folder, "new"), join(folder, "link"));
  },
};

async function statusAfter(t: TestContext, change: (folder: string) => void, when: (event: TerminalEvent) => boolean): Promise<number> {
  const world = await installed(t, await archive());
  const folder = world.terminal.folder.module("hmi").slot(1).software;
  for (const path of ["", "bin"]) chmodSync(join(folder, path), 0o755);
  let isChanged = false;
  const onEvent = (event: TerminalEvent): void => {
    if (isChanged || !when(event)) return;
    isChanged = true;
    change(folder);
  };
  const running = await exec({ ...world.terminal, onEvent }, { module: "hmi", stdio: "ignore" });
  assert.ok(isChanged);
  return (await running.ended).status;
}

/** When everything but the end of the last file has been hashed. */
const isHashing = (event: TerminalEvent): boolean => event.kind === "check" && event.bytes > 1_000_000;
/** When everything has been hashed. */
const isChecked = (event: TerminalEvent): boolean => event.kind === "stage" && event.stage === "run";

for (const [what, change] of Object.entries({ ...changes, ...laterChanges })) {
  test(`PERMIT: ${what} that is changed behind its hash, while the rest is read, is not started`, async (t) => {
    await assert.rejects(statusAfter(t, change, isHashing), code("TERMINAL_SOFTWARE_CHANGED"));
  });
}

for (const [what, change] of Object.entries(changes)) {
  test(`PERMIT: ${what} that is changed between check and start is not started`, async (t) => {
    await assert.rejects(statusAfter(t, change, isChecked), code("TERMINAL_SOFTWARE_CHANGED"));
  });
}

test("PERMIT: a touch that changes nothing while the rest is read leads to a second look, and the software runs", async (t) => {
  const touch = (folder: string): void => chmodSync(join(folder, "bin/run"), 0o555);
  assert.equal(await statusAfter(t, touch, isHashing), 0);
});

/** Another name with the same digest as far as it counts. */
function nameWithNumberOf(module: string): string {
  const number = numberOfModule(module);
  for (let i = 0; ; i++) if (numberOfModule(`${module}-${i}`) === number) return `${module}-${i}`;
}

function startOf(events: readonly TerminalEvent[]): { readonly start: Extract<TerminalEvent, { kind: "start" }> | undefined } {
  return { start: events.findLast((event) => event.kind === "start") };
}

const commandFile = fileURLToPath(import.meta.resolve("../double/command.ts"));

interface Command {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
}

/** Node closes the first sixteen or so to its programs by itself. */
const strayDescriptor = 40;

/** `exec` in a process of its own, which says when it watches, and may have been started with a further descriptor or by another program. */
function commandOf(
  { terminal, clock }: TestTerminal,
  { stray, before = [] }: { readonly stray?: number; readonly before?: readonly string[] } = {},
): Command {
  const further = stray === undefined ? [] : [...Array.from({ length: strayDescriptor - 4 }, () => "ignore" as const), stray];
  const [program = process.execPath, ...args] = [...before, process.execPath, commandFile, "exec", terminal.folder.path, String(clock.now)];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit", "ipc", ...further] });
  const { stdin, stdout } = child;
  assert.ok(stdin !== null && stdout !== null);
  return { child, stdin, stdout };
}

/** Of all threads of a process. */
function childrenOf(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1"));
  return lists.flatMap((list) => list.trim().split(" ").filter(Boolean).map(Number));
}

function openFile(path: string): Disposable & { readonly descriptor: number } {
  const descriptor = openSync(path, "r");
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}
