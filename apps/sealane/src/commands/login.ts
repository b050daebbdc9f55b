import { mkdir } from "node:fs/promises";
import { routes, type ServerView } from "@sealane/api";
import { outputOf, parseServerUrl, readSmallFile, stateFolder } from "@sealane/cli";
import { writeFileAtomic } from "@sealane/software";
import type { Command } from "commander";
import { OperatorClient } from "../operator-client.ts";
import { loadProfile, type OperatorFolder, operatorFolder, type Profile, saveOperatorToken, saveProfile } from "../profile.ts";

const maxTokenBytes = 256;

/** `sealane login --url URL --token-file FILE`: tries the token, then keeps address and token in the operator's folder. */
export async function runLogin(command: Command): Promise<void> {
  const options = command.opts<{ url: string; tokenFile: string; input: boolean; state?: string }>();
  const url = parseServerUrl({ option: "--url", text: options.url }).origin;
  const token = Buffer.from(await readSmallFile(options.tokenFile, { maxBytes: maxTokenBytes, mayAsk: options.input }))
    .toString("utf8")
    .trim();
  const view = await new OperatorClient({ url, token }).get<ServerView>(routes.server);
  const folder = operatorFolder(stateFolder("sealane", options.state));
  await mkdir(folder.root, { recursive: true, mode: 0o700 });
  await writeFileAtomic(folder.authority, Buffer.from(view.authority, "base64"));
  await saveOperatorToken(folder, token);
  const known = { url, serverName: view.name, fingerprint: view.fingerprint };
  await saveProfile(folder, { ...known, ...(await publisherKnown(folder, view.fingerprint)) });
  outputOf(command).event("login", { url, server: view.name, fingerprint: view.fingerprint }, `Using ${view.name} at ${url}.`);
}

/** The publisher of a profile that this one replaces, and where its key is, if it is one of the same CA. */
async function publisherKnown(folder: OperatorFolder, fingerprint: string): Promise<Pick<Profile, "publisher" | "publisherKey">> {
  const former = await loadProfile(folder).catch(() => null); // there is none, or one that is replaced because it is damaged
  if (former === null || former.fingerprint !== fingerprint) return { publisher: "publisher" };
  const { publisher, publisherKey } = former;
  return publisherKey === undefined ? { publisher } : { publisher, publisherKey };
}
