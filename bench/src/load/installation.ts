import { Agent } from "node:http";
import { join } from "node:path";
import { mediaType, pathOf, routes, type ServerView } from "@sealane/api";
import { defaultSuite, SoftwareKey, systemRandom } from "@sealane/crypto";
import { certificateFor } from "@sealane/link";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { issuePublisher, serverFolder } from "@sealane/server";
import { issueRelease, sealBytes } from "@sealane/software";
import { parseName } from "@sealane/wire";
import { exchange } from "./http.ts";

/** What is published: the path to fetch it by, and the sealed file that has to come. */
export interface Published {
  readonly path: string;
  readonly file: string;
}

/** Publishes one version with so many bytes, as an operator does: sealed, uploaded, released. */
export async function publish(given: {
  readonly folder: string;
  readonly url: string;
  readonly operatorToken: string;
  readonly model: string;
  readonly plaintextBytes: number;
}): Promise<Published> {
  const { folder, url, model, plaintextBytes } = given;
  using agent = disposable(new Agent());
  const operator = { agent, authorization: `Bearer ${given.operatorToken}` };
  const nowSeconds = Math.floor(Date.now() / 1000);
  const { artefact, sealed } = sealBytes(systemRandom.bytes(plaintextBytes));
  using contentKey = sealed.contentKey;
  const view = JSON.parse(new TextDecoder().decode(await exchange(url + routes.server, operator))) as ServerView;
  const keyRoles = view.decryptionChains.map((chain) =>
    verifyCertificate({
      chain: chain.map((der) => Uint8Array.fromBase64(der)),
      anchors: [trustAnchor(Uint8Array.fromBase64(view.authority))],
      purpose: "server-decrypt",
      nowSeconds,
    }),
  );
  const publisher = parseName("publisher");
  const key = SoftwareKey.generate("ed25519").signingKey();
  const statement = await issueRelease({
    key,
    chain: await issuePublisher({ folder, name: publisher, publicKey: key.publicKey, nowSeconds }),
    contentKey,
    keyRole: certificateFor({ suite: defaultSuite, role: "server", purpose: "decrypt" }, keyRoles),
    release: {
      ...sealed,
      module: "load",
      version: "1.0",
      sequence: 1,
      models: [model],
      softwareClass: "application",
      format: "file",
      entry: null,
      publisher,
      publishedAtSeconds: nowSeconds,
      grade: "confidential",
    },
  });
  await exchange(url + routes.artefacts, { ...operator, type: mediaType.artefact, body: artefact });
  await exchange(url + routes.releases, { ...operator, body: statement });
  const id = sealed.artefactId.toHex();
  return { path: pathOf(routes.artefact, id), file: join(serverFolder(folder).artefacts, `${id}.sealed`) };
}

function disposable(agent: Agent): Agent & Disposable {
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}
