import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { outputOf, parseServerUrl, parseTypedName, shellWord, stateFolder } from "@sealane/cli";
import { systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { initServer, issuePublisher, serverFolder } from "@sealane/server";
import { writeFileAtomic } from "@sealane/software";
import { encodeAs } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { operatorFolder, publisherKeyId, saveOperatorToken, saveProfile } from "../profile.ts";

/** `sealane init`: a server's folder, and beside it the operator's: token, profile, and the publisher's key, which the server lacks. */
export async function runInit(command: Command): Promise<void> {
  const options = command.opts<{ name: string; publisher: string; url: string; state?: string }>();
  const output = outputOf(command);
  const state = stateFolder("sealane", options.state);
  const server = join(state, "server");
  const operator = operatorFolder(state);
  const common = { folder: server, nowSeconds: clockSeconds(), random: systemRandom };
  const publisher = parseTypedName({ option: "--publisher", text: options.publisher });
  const name = parseTypedName({ option: "--name", text: options.name });
  const url = parseServerUrl({ option: "--url", text: options.url }).origin;
  await mkdir(state, { recursive: true, mode: 0o700 });
  const { operatorToken, fingerprint } = await initServer({ ...common, name });
  await mkdir(operator.root, { recursive: true, mode: 0o700 });
  const publicKey = await new FileKeyStore(operator.keys).generate(publisherKeyId, "ed25519");
  const chain = await issuePublisher({ ...common, name: publisher, publicKey });
  await writeFileAtomic(operator.publisherChain, encodeAs(certificateChainCodec, chain));
  await writeFileAtomic(operator.authority, await readFile(serverFolder(server).authority));
  await saveOperatorToken(operator, operatorToken);
  await saveProfile(operator, { url, serverName: name, fingerprint: fingerprint.toHex(), publisher });
  const words = [
    `Made the server ${name} in ${server}: a CA of its own, one key for each purpose.`,
    `CA fingerprint ${fingerprint.toHex()}: terminals get it with their token.`,
    `Operator profile, token and publisher key are in ${operator.root}; the server does not hold that key.`,
    `Next: sealane server run --state ${shellWord(state)}`,
  ];
  const fields = { server, operator: operator.root, name, fingerprint: fingerprint.toHex() };
  output.event("initialised", fields, words.join("\n"));
}
