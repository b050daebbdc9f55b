import assert from "node:assert/strict";
import { Secret, sha256, systemRandom } from "@sealane/crypto";
import { acceptMessage, type BroadcastLink } from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import type { World } from "./enrolled.ts";

/** Lets the world's server answer `open-broadcast` of its terminal with the content key of a software. */
export function answerOpenly(world: World, { artefactId }: SoftwareDescription): void {
  const { server, clock } = world;
  server.faults.link = async (message) => {
    const link = await acceptOpenly(world, message);
    const binding = { artefactId, licenceDigest: sha256(link.licence), random: systemRandom, nowSeconds: clock.now };
    return link.wrap(Secret.take("content key", server.contentKeyOf(artefactId)), binding);
  };
}

/** M1 of `open-broadcast` of the world's terminal, at a server. */
async function acceptOpenly({ server, clock }: World, message: Uint8Array): Promise<BroadcastLink> {
  const signing = server.terminal?.signing ?? assert.fail();
  const accepted = await acceptMessage(
    {
      self: { name: null, role: "server" },
      peers: { find: () => signing, verify: () => signing, decryption: () => null },
      replay: { insert: () => "fresh" },
      freshness: { nowSeconds: clock.now },
      random: systemRandom,
    },
    message,
  );
  return accepted.kind === "broadcast" ? accepted.link : assert.fail();
}
