import type { Agent } from "node:http";
import {
  type EnrolCertificates,
  type EnrolToken,
  mediaType,
  parseEnrolToken,
  pathOf,
  proveEnrolment,
  requestEnrolment,
  routes,
  serverReplyCodec,
  type TokenView,
  terminalRequestCodec,
  verifyEnrolInfo,
  verifyEnrolReply,
} from "@sealane/api";
import { defaultSuite, SoftwareKey, standardKinds, systemRandom } from "@sealane/crypto";
import { maxRecordBytes, mechanisms, UnconfirmedLink } from "@sealane/link";
import { decodeAs, encodeAs, type Name } from "@sealane/wire";
import { exchange } from "./http.ts";

/** Where the server is, and by which connections it is reached. */
export interface Reach {
  readonly url: string;
  readonly agent: Agent;
}

/** Milliseconds from sending to the last byte of what came back. */
export interface LinkTimes {
  readonly answer: number;
  readonly record: number;
}

/** A terminal that was enrolled over HTTP, without a disk. */
export class Terminal {
  readonly #reach: Reach;
  readonly #name: Name;
  readonly #certificates: EnrolCertificates;

  private constructor(reach: Reach, name: Name, certificates: EnrolCertificates) {
    this.#reach = reach;
    this.#name = name;
    this.#certificates = certificates;
  }

  static async enrol(
    reach: Reach,
    given: { readonly name: string; readonly model: string; readonly operatorToken: string },
  ): Promise<Terminal> {
    const { url, agent } = reach;
    const token = await tokenFor(reach, given);
    const keys = {
      signing: standardKinds.signing.map((kind) => SoftwareKey.generate(kind).signingKey()),
      decryption: standardKinds.decryption.map((kind) => SoftwareKey.generate(kind).decryptionKey()),
      agreement: standardKinds.agreement.map((kind) => SoftwareKey.generate(kind).agreementKey()),
    };
    const nowSeconds = clock();
    const info = await exchange(url + routes.enrol, { agent });
    const authority = verifyEnrolInfo(info, { token, nowSeconds });
    using requested = await requestEnrolment({ token, keys, authority, nowSeconds, random: systemRandom });
    const reply = await exchange(url + routes.enrolments, { agent, body: requested.body });
    const certificates = await verifyEnrolReply(reply, { token, keys, authority, requested, nowSeconds: clock() });
    const proof = await proveEnrolment({ keys, certificates, authority, random: systemRandom });
    await exchange(url + routes.enrolProof, { agent, body: proof });
    return new Terminal(reach, token.name, certificates);
  }

  /**
   * Establishes one link with the default suite: M1, the answer, which is verified, and the first record, which confirms the link and
   * asks what is on offer. Fails unless the server's record opens and offers the one version there is.
   */
  async link(): Promise<LinkTimes> {
    const { url, agent } = this.#reach;
    const { signing, decryption, agreement, serverDecryption } = this.#certificates;
    const self = {
      name: this.#name,
      role: "terminal",
      signing,
      decryption,
      agreement,
    } as const;
    const context = { self, recipient: serverDecryption, nowSeconds: clock(), random: systemRandom };
    const sent = await mechanisms["signed-transport"].originate(context, { suite: defaultSuite });
    if (sent.kind !== "sent") throw new Error("signed-transport is answered");
    const { message } = sent;
    using pending = sent.awaited;
    const sentMessage = performance.now();
    const answer = await exchange(url + routes.links, { agent, body: message });
    const answered = performance.now();
    const peers = { find: () => null, verify: () => Promise.reject(new Error("an answer asks for nobody")), decryption: () => null }; // an answer asks for nobody
    const received = await pending.receive({ self, peers, freshness: { nowSeconds: clock() }, random: systemRandom }, answer);
    using link = received.link;
    if (link instanceof UnconfirmedLink) throw new Error("an answer confirms the recipient");
    const record = link.seal(encodeAs(terminalRequestCodec, { kind: "offers", module: null, installed: [] }), clock());
    const sentRecord = performance.now();
    const response = await exchange(url + pathOf(routes.records, link.id.toHex()), { agent, body: record });
    const responded = performance.now();
    const reply = decodeAs(serverReplyCodec, link.open(response, clock()), { maxBytes: maxRecordBytes, what: "reply" });
    if (reply.kind !== "offers" || reply.offers.length !== 1) throw new Error(`the server's record is no offer: ${reply.kind}`);
    return { answer: answered - sentMessage, record: responded - sentRecord };
  }
}

async function tokenFor(
  { url, agent }: Reach,
  given: { readonly name: string; readonly model: string; readonly operatorToken: string },
): Promise<EnrolToken> {
  const { name, model, operatorToken } = given;
  const body = JSON.stringify({ name, model });
  const view = await exchange(url + routes.tokens, { agent, type: mediaType.json, body, authorization: `Bearer ${operatorToken}` });
  return parseEnrolToken((JSON.parse(new TextDecoder().decode(view)) as TokenView).token);
}

function clock(): number {
  return Math.floor(Date.now() / 1000);
}
