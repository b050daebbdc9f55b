import { access, mkdir, readFile } from "node:fs/promises";
import { routes, type ServerView } from "@sealane/api";
import { outputOf, parseFingerprint, parseServerUrl, readSmallFile, stateFolder } from "@sealane/cli";
import { trustAnchor } from "@sealane/pki";
import { authorityFolder } from "@sealane/server";
import { writeFileAtomic } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import type { Command } from "commander";
import { commandErrors } from "../errors.ts";
import { OperatorClient } from "../operator-client.ts";
import { loadProfile, type OperatorFolder, operatorFolder, type Profile, saveOperatorToken, saveProfile } from "../profile.ts";

const maxTokenBytes = 256;

/**
 * `sealane login --url URL --token-file FILE`: tries the token, then keeps address and token in the operator's folder. The root that the
 * server names must be the one that `--fingerprint` or the profile that is replaced names; a first login without it believes the server.
 * A folder that has a root's keys keeps to that root. Errors: LOGIN_ROOT_WRONG, those of the client.
 */
export async function runLogin(command: Command): Promise<void> {
  const options = command.opts<{ url: string; tokenFile: string; input: boolean; state?: string; fingerprint?: string }>();
  const url = parseServerUrl({ option: "--url", text: options.url });
  const token = Buffer.from(
    await readSmallFile(options.tokenFile, { maxBytes: maxTokenBytes, mayAsk: options.input, what: "the operator token" }),
  )
    .toString("utf8")
    .trim();
  const view = await new OperatorClient({ url, token }).get<ServerView>(routes.server);
  const folder = operatorFolder(stateFolder("sealane", options.state));
  const former = await loadProfile(folder).catch(() => null); // there is none, or one that is replaced because it is damaged
  const authority = Buffer.from(view.authority, "base64");
  const fingerprint = trustAnchor(authority).thumbprint.toHex();
  const expected =
    options.fingerprint === undefined ? former?.fingerprint : parseFingerprint({ option: "--fingerprint", text: options.fingerprint });
  const isTaken = await isOfOtherRoot(folder, authority);
  if (isTaken || (expected !== undefined && expected !== fingerprint)) {
    throw commandErrors.error("LOGIN_ROOT_WRONG", { got: fingerprint, ...(expected === undefined ? {} : { expected }) });
  }
  await mkdir(folder.root, { recursive: true, mode: 0o700 });
  await writeFileAtomic(folder.authority, authority);
  await saveOperatorToken(folder, token);
  await saveProfile(folder, { url, serverName: view.name, fingerprint, ...publisherKnown(former, fingerprint) });
  const compared = expected !== undefined;
  const words = compared
    ? "It is the one that was known here."
    : "Nothing was known to compare it with: compare it with the one that `sealane init` printed, or log in again with --fingerprint.";
  outputOf(command).event(
    "login",
    { url, server: view.name, fingerprint, compared },
    `Using ${view.name} at ${url}.\n  CA fingerprint ${fingerprint}\n  ${words}`,
  );
}

/** Whether the folder is the one that another root was made in, and not one of a login; also where its profile is lost. */
async function isOfOtherRoot({ root }: OperatorFolder, given: Uint8Array): Promise<boolean> {
  const { publishers, authority } = authorityFolder(root);
  const isRootsOwn = await access(publishers).then(
    () => true,
    () => false,
  );
  return isRootsOwn && !equalBytes(await readFile(authority), given);
}

/** The publisher of a profile that this one replaces, and where its key is, if it is one of the same CA. */
function publisherKnown(former: Profile | null, fingerprint: string): Pick<Profile, "publisher" | "publisherKey"> {
  if (former === null || former.fingerprint !== fingerprint) return { publisher: "publisher" };
  const { publisher, publisherKey } = former;
  return publisherKey === undefined ? { publisher } : { publisher, publisherKey };
}
