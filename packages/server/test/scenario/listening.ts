import {
  type BroadcastChannel,
  type BroadcastItem,
  type BroadcastRequest,
  type BroadcastView,
  broadcastChannelCodec,
  openMembership,
  routes,
  type ServerReply,
  verifyGroupRecord,
} from "@sealane/api";
import { sha256, systemRandom } from "@sealane/crypto";
import {
  acceptMessage,
  type BroadcastLink,
  defaultBroadcastSeconds,
  type GroupMembership,
  type GroupReference,
  maxMessageBytes,
} from "@sealane/link";
import { type TrustAnchor, trustAnchor, verifyCertificate } from "@sealane/pki";
import { parseLicence, type VerifiedLicence, verifyLicence } from "@sealane/software";
import { decodeAs, equalBytes, parseName } from "@sealane/wire";
import type { Device } from "./device.ts";
import type { Prepared } from "./publisher.ts";
import type { TestServer } from "./test-server.ts";

const maxBytes = 16 * (maxMessageBytes + 512);

/** What a broadcast said to whoever heard it. */
export interface HeardBroadcast {
  readonly link: BroadcastLink;
  readonly licence: VerifiedLicence;
  readonly wrap: Uint8Array;
}

/** Starts a broadcast, as an operator does. */
export async function startBroadcast(server: TestServer, wish: Partial<BroadcastRequest> = {}): Promise<BroadcastView> {
  return (await server.operator.post(routes.broadcasts, { module: "app", ...wish })) as BroadcastView;
}

/** The code that an operator is told. */
export async function refusalOf(server: TestServer, path: string, body: unknown): Promise<string> {
  const reply = await server.operator.send("POST", path, { type: "application/json", body: JSON.stringify(body) });
  return reply.status === 200 ? "done" : ((await reply.json()) as { code: string }).code;
}

/** Somebody with the CA certificate and nothing else. */
export class ChannelListener {
  readonly server: TestServer;
  readonly anchor: TrustAnchor;
  /** Secrets of groups, where it was given some. */
  memberships: readonly GroupMembership[] = [];

  private constructor(server: TestServer, anchor: TrustAnchor) {
    this.server = server;
    this.anchor = anchor;
  }

  static async of(server: TestServer): Promise<ChannelListener> {
    const { authority } = (await server.operator.get(routes.server)) as { authority: string };
    return new ChannelListener(server, trustAnchor(Uint8Array.fromBase64(authority)));
  }

  async channel(query = "", url: string = this.server.url): Promise<BroadcastChannel> {
    const reply = await fetch(`${url}${routes.broadcasts}${query}`);
    if (reply.status !== 200) throw new Error(await reply.text());
    return decodeAs(broadcastChannelCodec, await reply.bytes(), { maxBytes, what: "channel" });
  }

  async items(query = ""): Promise<readonly BroadcastItem[]> {
    return (await this.channel(query)).items;
  }

  /** Proves M1 and its licence. */
  async hear({ message, wrap }: BroadcastItem): Promise<HeardBroadcast> {
    const { nowSeconds } = this.server;
    const accepted = await acceptMessage(
      {
        self: { name: null, role: "terminal" },
        peers: {
          find: () => null,
          verify: (chain) => verifyCertificate({ chain, anchors: [this.anchor], purpose: "server-sign", nowSeconds }),
          decryption: () => null,
        },
        replay: { insert: () => "fresh" },
        freshness: { nowSeconds, storedSeconds: defaultBroadcastSeconds },
        random: systemRandom,
        groups: { find: (wanted) => this.#membership(wanted) },
      },
      message,
    );
    if (accepted.kind !== "broadcast") throw new Error(`the message is ${accepted.kind}`);
    const { artefactId } = parseLicence(accepted.licence).licence;
    const licence = verifyLicence(accepted.licence, { anchors: [this.anchor], nowSeconds, recipients: [], model: "m1", artefactId });
    return { link: accepted.link, licence, wrap };
  }

  /** Whether the broadcast gives the content key that the publisher sealed with. */
  async opens(item: BroadcastItem, prepared: Prepared): Promise<boolean> {
    const { link, licence, wrap } = await this.hear(item);
    return opensTo({ link, licence, wrap }, prepared, this.server.nowSeconds);
  }

  /** Asks on a device's link for the secrets of its groups, and holds them. */
  async join(device: Device): Promise<readonly GroupMembership[]> {
    using link = await device.establish();
    const reply = await device.ask(link, { kind: "groups" });
    this.memberships = membershipsIn(reply, { anchor: this.anchor, nowSeconds: this.server.nowSeconds });
    return this.memberships;
  }

  #membership({ groupId, epoch, publicDigest }: GroupReference): GroupMembership | null {
    const fits = (each: GroupMembership): boolean =>
      each.groupId === groupId && each.epoch === epoch && equalBytes(sha256(each.publicValue), publicDigest);
    return this.memberships.find(fits) ?? null;
  }
}

/** Whether a wrap opens to the content key that the publisher sealed with. */
export function opensTo({ link, licence, wrap }: HeardBroadcast, prepared: Prepared, nowSeconds: number): boolean {
  using key = link.unwrap(wrap, { artefactId: licence.artefactId, licenceDigest: licence.digest, nowSeconds });
  return key.use((opened) => prepared.contentKey.use((sealed) => equalBytes(opened, sealed)));
}

function membershipsIn(
  reply: ServerReply,
  { anchor, nowSeconds }: { readonly anchor: TrustAnchor; readonly nowSeconds: number },
): readonly GroupMembership[] {
  if (reply.kind !== "groups") throw new Error(`the reply is ${reply.kind}`);
  return reply.memberships.flatMap(({ record, seeds }) => {
    const trust = { anchors: [anchor], server: parseName("server"), nowSeconds };
    return openMembership(verifyGroupRecord(record, trust), seeds);
  });
}
