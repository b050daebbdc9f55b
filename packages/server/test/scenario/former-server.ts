import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { parseCertificate } from "@sealane/pki";
import { issueCertificate } from "@sealane/pki/issue";
import { decodeAs, encodeAs } from "@sealane/wire";
import { authorityFolder, serverFolder } from "../../src/index.ts";

/**
 * Makes of a server what an earlier version would have made: the root's key in its folder, by which all of its certificates were issued,
 * and in the operator's nothing but the root's certificate.
 */
export async function makeFormer(folder: string): Promise<void> {
  const [server, operator] = [serverFolder(folder), authorityFolder(join(dirname(folder), "operator"))];
  const authority = {
    certificate: new Uint8Array(await readFile(server.authority)),
    key: await new FileKeyStore(operator.keys).signingKey("root"),
  };
  for (const name of await readdir(server.certificates)) {
    const path = join(server.certificates, name);
    const [der = new Uint8Array(0)] = decodeAs(certificateChainCodec, await readFile(path), { maxBytes: 65_536, what: name });
    const leaf = parseCertificate(der);
    if (leaf.kind !== "end entity") throw new Error(name);
    const issued = await issueCertificate({ ...leaf, authority, subject: leaf, random: systemRandom });
    await writeFile(path, encodeAs(certificateChainCodec, [issued]));
  }
  await copyFile(join(operator.keys, "root.pem"), join(server.keys, "authority.pem"));
  await rm(join(server.keys, "issuer.pem"));
  await rm(server.issuer);
  for (const path of [operator.keys, operator.publishers, operator.operatorChain, operator.issuer]) await rm(path, { recursive: true });
}
