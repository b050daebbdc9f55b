import { type OfferRequest, type OfferView, type ReleaseView, routes } from "@sealane/api";
import { formatBytes, formatTable, formatTime, outputOf } from "@sealane/cli";
import type { Command } from "commander";
import { connect } from "../connect.ts";

/** `sealane release list`. */
export async function runReleaseList(command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  const releases = await client.get<readonly ReleaseView[]>(routes.releases);
  const rows = releases.map((release) => [
    release.module,
    release.version,
    String(release.sequence),
    release.models.length === 0 ? "any" : release.models.join(", "),
    formatBytes(release.plaintextBytes),
    release.grade ?? "not offered",
    formatTime(release.publishedAtSeconds),
    release.sha256,
  ]);
  outputOf(command).result(
    { releases },
    formatTable(["module", "version", "sequence", "models", "size", "grade", "published", "sha256"], rows),
  );
}

/** `sealane release offer MODULE --to TERMINAL...`: the server originates a link to each terminal (EQ1). */
export async function runReleaseOffer(module: string, command: Command): Promise<void> {
  const options = command.opts<{ to: string[]; mechanism: string; suite?: string; state?: string }>();
  const { client } = await connect(options.state);
  const suite = options.suite === undefined ? {} : { suite: options.suite };
  const request: OfferRequest = { terminals: options.to, module, mechanism: options.mechanism, ...suite };
  const { offered } = await client.post<OfferView>(routes.offers, request);
  const sentence = `A message for ${offered.join(", ")} waits at the server; the terminal takes it with \`sealane-terminal fetch --originator server\`.`;
  outputOf(command).event("offered", { module, mechanism: options.mechanism, ...suite, terminals: offered }, sentence);
}
