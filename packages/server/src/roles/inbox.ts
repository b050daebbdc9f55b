import { apiErrors, inboxMessagesCodec, maxInboxRequestBytes, maxInboxWaitSeconds, mediaType, routes } from "@sealane/api";
import { encodeAs } from "@sealane/wire";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { acceptCbor, cborBody } from "../http/bodies.ts";
import { sendEvents } from "../http/event-stream.ts";
import type { KeyRole } from "../key/key-role.ts";
import { proveReader, readInbox } from "../key/read-inbox.ts";
import { inboxEvents } from "../key/stream-inbox.ts";

type InboxRequest = FastifyRequest<{ Querystring: Record<string, unknown> }>;

/**
 * The route of the inbox: a long poll, or an event stream for a client that asks for one. Whose inbox it is only the server's decryption key
 * tells, so that requests cost a private-key operation before anything is proven, and have the rate of link messages.
 */
export function inboxRoutes(app: FastifyInstance, role: KeyRole): void {
  const { linksPerMinute, inboxHeartbeatSeconds } = role.limits;
  acceptCbor(app, role.limits);
  const config = { refusal: "LINK_REFUSED", rateLimit: { max: linksPerMinute } } as const;
  app.get(routes.inbox, { config }, async () => {
    throw apiErrors.error("API_VERSION_UNSUPPORTED", { version: 1 }); // whose terminals named themselves in a header
  });
  const options = { config, bodyLimit: maxInboxRequestBytes };
  app.post<{ Querystring: Record<string, unknown> }>(routes.inbox, options, async (request, reply) => {
    const asked = parseQuery(request);
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const reader = await proveReader(role, cborBody(request));
    request.provesTerminal(reader.name);
    request.subject = { terminal: reader.name };
    using waiter = role.waiters.enter(reader.name);
    const query = { ...asked, waiter, gone: gone.signal };
    if (asked.isStream) {
      const events = inboxEvents(role, reader, query);
      await sendEvents(reply, events, { ended: waiter.ended, stallSeconds: inboxHeartbeatSeconds });
      return reply;
    }
    const messages = await readInbox(role, reader, query);
    return reply.type(mediaType.cbor).header("cache-control", "no-store").send(encodeAs(inboxMessagesCodec, messages));
  });
}

interface AskedFor {
  readonly isStream: boolean;
  readonly after: number;
  readonly waitSeconds: number;
}

/** Of a stream: what its client saw last counts, by its query or, when it comes again, by Last-Event-ID; and it waits unless told. */
function parseQuery({ query, headers }: InboxRequest): AskedFor {
  const isStream = acceptsEvents(headers.accept);
  const after = parseCount("after", query["after"]) ?? 0;
  const waitSeconds = parseCount("wait", query["wait"]);
  if (!isStream) return { isStream, after, waitSeconds: Math.min(waitSeconds ?? 0, maxInboxWaitSeconds) };
  const seen = parseCount("last-event-id", headers["last-event-id"]) ?? 0;
  return { isStream, after: Math.max(after, seen), waitSeconds: waitSeconds ?? Number.POSITIVE_INFINITY };
}

/** Whether an Accept header names event streams: ranges like `text/*` do not, so that nobody gets a stream who did not ask for one. */
function acceptsEvents(accept = ""): boolean {
  return accept.split(",").some((range) => range.split(";", 1)[0]?.trim().toLowerCase() === mediaType.events);
}

function parseCount(field: string, text: unknown): number | null {
  if (text === undefined) return null;
  const count = typeof text === "string" && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= Number.MAX_SAFE_INTEGER)) throw apiErrors.error("API_REQUEST_WRONG", { field });
  return count;
}
