import { join } from "node:path";
import { ArtefactVerifier } from "@sealane/software";
import { artefactId } from "@sealane/wire";
import type { Attempt, Kill, Victim } from "./crash-everywhere.ts";
import { demand } from "./failure.ts";
import { EffectFolder, type EffectPlan } from "./hooks.ts";
import { filesBelow, type Installation, succeeded } from "./installation.ts";
import { type CommandEvent, eventOf, said } from "./processes.ts";
import { demandRuns, publishing, type Software } from "./software.ts";

export interface PublishVictimWish {
  readonly installation: Installation;
  /** Which process is killed while `publish` runs. */
  readonly killed: "publisher" | "server";
  readonly software: Software;
  /** Has the version before installed. */
  readonly terminal: string;
  readonly before: Software;
}

/** `sealane publish`, of which either end is killed. Every attempt publishes the version once more. */
export class PublishVictim implements Victim {
  readonly name: string;
  readonly effects: EffectFolder;
  readonly #wish: PublishVictimWish;
  /** Artefacts that were read to their end and found right. */
  readonly #proven = new Set<string>();

  constructor(wish: PublishVictimWish) {
    this.#wish = wish;
    this.name = `publish, at the ${wish.killed}`;
    this.effects = new EffectFolder(join(wish.installation.folder, `publish-${wish.killed}-effects`));
  }

  async prepare(): Promise<void> {}

  async run(plan: EffectPlan): Promise<Attempt> {
    const { installation, killed, software } = this.#wish;
    if (killed === "publisher") {
      this.effects.plan(plan);
      const run = await installation.operator([...publishing(software), "--again"], { hooks: { effects: this.effects } });
      return { run, killed: run.signal === "SIGKILL", seen: this.effects.seen() };
    }
    const { serverProcess } = installation;
    await this.effects.rearm(plan, serverProcess);
    const run = await installation.operator([...publishing(software), "--again"]);
    demand(run.signal === null, "A killed server took the publisher with it.", said(run));
    return { run, ...(await this.effects.disarm(serverProcess)) };
  }

  /** The server, started again if it was killed, lists releases that are all there; the terminal runs what it ran. */
  async checkAfterKill(): Promise<void> {
    const { installation, killed, terminal, before } = this.#wish;
    this.effects.plan("count");
    if (killed === "server") await installation.startServer({ effects: this.effects });
    const status = installation.terminal(terminal, ["status"]);
    await Promise.all([this.#demandReleases(), status.then(succeeded), demandRuns(installation, terminal, [before])]);
  }

  async complete(_kill: Kill): Promise<void> {
    const { installation, software } = this.#wish;
    const published = eventOf(succeeded(await installation.operator(publishing(software))), "published");
    const releases = await this.#demandReleases();
    const found = releases.some((release) => release["artefactId"] === published["artefactId"]);
    demand(found, "The release that was published is not listed.");
    this.#demandNoTemporaries();
  }

  /** Every release that is listed can be fetched whole. */
  async #demandReleases(): Promise<readonly CommandEvent[]> {
    const { installation } = this.#wish;
    const list = succeeded(await installation.operator(["release", "list"]));
    const releases = list.events.flatMap((event) => (Array.isArray(event["releases"]) ? (event["releases"] as CommandEvent[]) : []));
    demand(releases.length > 0, "No release is listed.", said(list));
    for (const id of releases.map((release) => String(release["artefactId"]))) {
      if (this.#proven.has(id)) continue;
      const reply = await fetch(`${installation.url}/v1/artefacts/${id}`);
      demand(reply.ok, `Artefact ${id} is listed in a release but the server answers ${reply.status}.`);
      const verifier = new ArtefactVerifier({ artefactId: artefactId(Uint8Array.fromHex(id)) });
      verifier.update(new Uint8Array(await reply.arrayBuffer()));
      verifier.finish();
      this.#proven.add(id);
    }
    return releases;
  }

  #demandNoTemporaries(): void {
    const { installation } = this.#wish;
    const temporary = filesBelow(installation.serverState).filter((name) => /\.tmp$|^operator\/sealing\/(?!lock$)/.test(name));
    demand(temporary.length === 0, "After the second attempt there are temporary files.", temporary.join("\n"));
  }
}
