import { type Suite, suites } from "@sealane/crypto";
import { acceptMessage, mechanisms } from "@sealane/link";
import { makePair, originatorContext, recipientContext, testNowSeconds } from "@sealane/testkit";
import { makeTlsPeer } from "./mutual-tls.ts";
import { interleave, type Rate } from "./rounds.ts";

/** Links a second, both ends in one thread, with the bytes on the wire, beside mutual TLS 1.3 in the same run. */
export interface LinkRow {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: number | null;
  /** Median against the peer's median. */
  readonly ratio: number | null;
}

/** The TLS group that protects its key exchange as well as the suite does. */
const tlsGroups: Readonly<Record<Suite["name"], string>> = { hybrid: "X25519MLKEM768", x25519: "X25519" };

export async function benchLinks(plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly LinkRow[]> {
  const rows: LinkRow[] = [];
  for (const suite of suites) rows.push(...(await benchSuite(suite, plan)));
  return rows;
}

async function benchSuite(suite: Suite, plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly LinkRow[]> {
  const pair = await makePair(suite);
  let bytes = 0;
  const link = async (): Promise<void> => {
    const { message, awaited } = await mechanisms["signed-transport"].originate(originatorContext(pair.terminal, pair.server), { suite });
    const { answer, link: unconfirmed } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
    const near = awaited.receive(answer, testNowSeconds);
    unconfirmed.confirm(near.seal(new Uint8Array(0), testNowSeconds), testNowSeconds);
    bytes = message.length + answer.length;
    pair.server.replay.entries.clear();
  };
  const group = tlsGroups[suite.name];
  const peer = await makeTlsPeer(group);
  const rates = await interleave({ link, tls: () => peer.handshake() }, plan);
  const [ours, theirs] = [rates["link"], rates["tls"]];
  if (ours === undefined || theirs === undefined) throw new Error("a contestant was not measured");
  return [
    { what: `signed-transport on ${suite.name}`, perSecond: ours, bytes, ratio: ours.median / theirs.median },
    { what: `mutual TLS 1.3, ${group}, Ed25519`, perSecond: theirs, bytes: null, ratio: null },
  ];
}
