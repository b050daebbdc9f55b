import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { outputOf, parseServerUrl, parseTypedName, pinAsker, shellWord, stateFolder } from "@sealane/cli";
import { type KeyKind, standardSuites, suitesNamed, systemRandom } from "@sealane/crypto";
import { type AskPin, FileKeyStore, openPkcs11KeyStore, parsePkcs11Uri, withOwnName } from "@sealane/keystore";
import { mechanismNamed } from "@sealane/link";
import { initServer, issuePublisher, lastingKind } from "@sealane/server";
import { writeFileAtomic } from "@sealane/software";
import { encodeAs } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { configName, firstConfig } from "../config/first-config.ts";
import { operatorFolder, publisherKeyId, saveOperatorToken, saveProfile } from "../profile.ts";

interface InitOptions {
  readonly name: string;
  readonly publisher: string;
  readonly url: string;
  readonly state?: string;
  readonly database?: string;
  readonly databasePasswordFile?: string;
  readonly allow?: readonly string[];
  readonly suites?: string;
  readonly key?: string;
  readonly operatorKey?: string;
  readonly publisherKey?: string;
  readonly input?: boolean;
}

/**
 * `sealane init`: a server's folder, and beside it the operator's: token, profile, and the keys that the server lacks: root, publishers'
 * authority, operator, publisher.
 */
export async function runInit(command: Command): Promise<void> {
  const options = command.opts<InitOptions>();
  const output = outputOf(command);
  const state = stateFolder("sealane", options.state);
  const server = join(state, "server");
  const operator = operatorFolder(state);
  const askPin = pinAsker(options.input !== false);
  const common = { folder: server, operator: operator.root, nowSeconds: clockSeconds(), random: systemRandom, askPin };
  const passwordFile = options.databasePasswordFile === undefined ? undefined : resolve(options.databasePasswordFile);
  const database = options.database === undefined ? {} : { databaseUrl: options.database };
  const password = passwordFile === undefined ? {} : { databasePasswordFile: passwordFile };
  const publisher = parseTypedName({ option: "--publisher", text: options.publisher });
  const name = parseTypedName({ option: "--name", text: options.name });
  const allow = (options.allow ?? []).map((text) => mechanismNamed(text).name);
  const suites = options.suites === undefined ? standardSuites : suitesNamed(options.suites.split(/ *, */));
  const url = parseServerUrl({ option: "--url", text: options.url });
  const key = options.key === undefined ? {} : { token: options.key };
  const operatorKey = options.operatorKey === undefined ? {} : { operatorKey: options.operatorKey };
  const publisherKind = lastingKind(suites);
  const publisherToken = await publisherTokenOf(options.publisherKey, { kind: publisherKind, askPin });
  await mkdir(state, { recursive: true, mode: 0o700 });
  const { operatorToken, fingerprint } = await initServer({ ...common, ...database, ...password, ...key, ...operatorKey, name, suites });
  await writeFileAtomic(join(server, configName), new TextEncoder().encode(firstConfig({ ...options, url, passwordFile, allow })));
  await using opened = new AsyncDisposableStack();
  const publisherKeys =
    publisherToken === null ? new FileKeyStore(operator.keys) : opened.use(openPkcs11KeyStore(publisherToken, { askPin }));
  const publicKey = await publisherKeys.generate(publisherKeyId, publisherKind, "sign");
  const chain = await issuePublisher({ ...common, name: publisher, publicKey });
  await writeFileAtomic(operator.publisherChain, encodeAs(certificateChainCodec, chain));
  await saveOperatorToken(operator, operatorToken);
  await saveProfile(operator, { url, serverName: name, fingerprint: fingerprint.toHex(), publisher, ...inToken(publisherToken) });
  const words = [
    `Made the server ${name} in ${server}: one key for each purpose, and one that issues certificates.`,
    `CA fingerprint ${fingerprint.toHex()}: terminals get it with their token.`,
    ...(options.key === undefined ? [] : [wordsOfToken(options.key)]),
    `Operator profile and token are in ${operator.root}, and the keys that decide what terminals run: ${wordsOfKeys(options)}. The server does not hold them: keep that folder elsewhere, and a copy of it.`,
    `Next: sealane server run --state ${shellWord(state)}`,
  ];
  const fields = { server, operator: operator.root, name, fingerprint: fingerprint.toHex(), key: options.key ?? null };
  output.event("initialised", fields, words.join("\n"));
}

/**
 * Where the publisher's key will be, after making sure that it can: it is made behind the server, which would be there already. Every
 * `init` has a name of its own in the token. Errors: KEYSTORE_TOKEN_*.
 */
async function publisherTokenOf(
  uri: string | undefined,
  given: { readonly kind: KeyKind; readonly askPin: AskPin },
): Promise<string | null> {
  if (uri === undefined) return null;
  const { kind, askPin } = given;
  const own = withOwnName(uri, systemRandom);
  await using store = openPkcs11KeyStore(own, { askPin });
  await store.requireKind(kind, "sign", { key: publisherKeyId });
  return own;
}

function wordsOfKeys({ operatorKey, publisherKey }: InitOptions): string {
  const where = (uri: string | undefined): string => (uri === undefined ? "" : " (in the PKCS #11 token)");
  return `root, publishers and operator${where(operatorKey)}, publisher${where(publisherKey)}`;
}

function inToken(publisherKey: string | null): { readonly publisherKey?: string } {
  return publisherKey === null ? {} : { publisherKey };
}

function wordsOfToken(uri: string): string {
  const { pinFile } = parsePkcs11Uri(uri);
  const kept =
    "The private keys are in the token, but for that of enrolment (keys/enrol-decrypt.pem): what is encrypted to it is worth nothing after a day.";
  return pinFile === null ? `${kept} \`server run\` will ask for the PIN; to run unattended it needs pin-source in token.uri.` : kept;
}
