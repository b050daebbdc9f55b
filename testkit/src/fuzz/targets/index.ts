import type { FuzzTarget } from "../target.ts";
import { codecTargets } from "./codecs.ts";
import { coseAndPkiTargets } from "./cose-pki.ts";
import { linkTargets } from "./links.ts";
import { rsaBlockTargets } from "./rsa-blocks.ts";
import { softwareTargets } from "./software.ts";

/** Every decoder that reads what others wrote, but for those of the server's routes and the terminal's archives. */
export async function decoderTargets(): Promise<readonly FuzzTarget[]> {
  const cryptography = [...(await coseAndPkiTargets()), ...(await rsaBlockTargets())];
  return [...codecTargets(), ...cryptography, ...(await linkTargets()), ...(await softwareTargets())];
}
