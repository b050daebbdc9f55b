import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dropServerSchema } from "@sealane/server";
import { removeTree } from "../remove-tree.ts";
import { onEnd } from "../scenarios/clean-up.ts";
import { type DumpedRow, dumpRows, dumpSchema } from "../scenarios/database-rows.ts";
import { type Hooks, hookEnvironment } from "../scenarios/hooks.ts";
import { type Commands, outsidePath } from "../scenarios/installation.ts";
import { type CommandRun, Processes, type StayingCommand } from "../scenarios/processes.ts";
import { type Fixture, fixtureSchema, fixtureUrl, unpackFixture } from "./fixture.ts";

/** An hour after the fixture was made: what it began goes on still. */
const laterSeconds = 3_600;

/** A server and a terminal as an earlier version left them, in a temporary folder, with commands of any version. */
export class LeftBehind implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "sealane-upgrade-"));
  readonly processes: Processes;
  readonly #end: () => Promise<void> = onEnd(() => this.#remove());
  readonly #clockSeconds: number;
  readonly #database: string | null;

  private constructor(fixture: Fixture, database: string | null) {
    this.#clockSeconds = fixture.madeAtSeconds + laterSeconds - Math.floor(Date.now() / 1000);
    this.#database = database;
    const home = join(this.folder, "home");
    mkdirSync(home);
    this.processes = new Processes({ PATH: outsidePath(), HOME: home, NODE_COMPILE_CACHE: join(this.folder, "cache") });
  }

  /** Unpacks a fixture; `postgres` is the address of a database in which it gets a schema of its own, null means SQLite. */
  static unpack(fixture: Fixture, postgres: string | null): LeftBehind {
    if (postgres === null) {
      const left = new LeftBehind(fixture, null);
      unpackFixture(fixture, "sqlite", left.folder);
      return left;
    }
    const schema = `sealane_upgrade_${randomBytes(6).toString("hex")}`;
    const url = new URL(postgres);
    url.searchParams.set("schema", schema);
    const left = new LeftBehind(fixture, url.href);
    unpackFixture(fixture, "postgres", left.folder);
    const statements = readFileSync(join(left.folder, "database.sql"), "utf8").replaceAll(fixtureSchema, schema);
    execFileSync("psql", [postgres, "--quiet", "--set=ON_ERROR_STOP=1"], { input: statements, stdio: ["pipe", "ignore", "inherit"] });
    const config = join(left.serverState, "server", "server.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replace(/^ {2}url: .*$/m, `  url: ${url.href}`));
    return left;
  }

  get serverState(): string {
    return join(this.folder, "server");
  }

  get terminalState(): string {
    return join(this.folder, "gateway-1");
  }

  /** Every row of the server's database. */
  async rows(): Promise<readonly DumpedRow[]> {
    if (this.#database !== null) return await dumpSchema(this.#database);
    return dumpRows(join(this.serverState, "server", "data.sqlite"));
  }

  /** Runs the operator's command of a version, however it ends. */
  async operator(commands: Commands, args: readonly string[], hooks: Hooks = {}): Promise<CommandRun> {
    return await this.#run([...commands.operator, ...args, "--state", this.serverState, "--json"], hooks);
  }

  /** Runs the terminal's command of a version, however it ends. */
  async terminal(commands: Commands, args: readonly string[], state: string = this.terminalState): Promise<CommandRun> {
    return await this.#run([...commands.terminal, ...args, "--state", state, "--json"], {});
  }

  /** Starts the server of a version, which listens when this returns. */
  async serve(commands: Commands): Promise<StayingCommand> {
    const line = [...commands.operator, "server", "run", "--port", new URL(fixtureUrl).port, "--state", this.serverState, "--json"];
    const server = this.processes.stay(line, { environment: hookEnvironment({ clockSeconds: this.#clockSeconds }) });
    await server.awaited("listening");
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #run(line: readonly string[], hooks: Hooks): Promise<CommandRun> {
    return await this.processes.run(line, { environment: hookEnvironment({ clockSeconds: this.#clockSeconds, ...hooks }) });
  }

  async #remove(): Promise<void> {
    await this.processes.stopAll();
    removeTree(this.folder);
    if (this.#database !== null) await dropServerSchema({ databaseUrl: this.#database });
  }
}
