import { apiErrors, type BroadcastView, broadcastChannelCodec, maxInboxWaitSeconds, mediaType, routes } from "@sealane/api";
import { defaultBroadcastSeconds } from "@sealane/link";
import { encodeAs } from "@sealane/wire";
import type { FastifyInstance } from "fastify";
import { acceptJson, JsonBody } from "../http/bodies.ts";
import { logFieldsOf } from "../http/failure.ts";
import { operatorOnly } from "../http/operator-only.ts";
import { readChannel, renewBroadcasts, startBroadcast, stopBroadcast } from "../key/broadcast.ts";
import type { KeyRole } from "../key/key-role.ts";
import { defaultBroadcastMechanism } from "../labels.ts";
import { maxBroadcastSeconds, minBroadcastSeconds } from "../limits.ts";
import type { RunningBroadcast } from "../storage/broadcasts.ts";

/** Routes of the key role for broadcasts: the channel, for everybody and without telling one from another, and what runs on it, for operators. */
export function broadcastRoutes(role: KeyRole): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("preClose", async () => role.listeners.close());
    await app.register(async (scope) => channelRoute(scope, role));
    await app.register(async (scope) => operatorRoutes(scope, role));
  };
}

/** A reply is the same for everybody who asks for the same, so that a cache may answer for a moment. */
const cacheSeconds = 2;

function channelRoute(app: FastifyInstance, role: KeyRole): void {
  let renewing: Promise<void> | null = null;
  const renewOnce = async (): Promise<void> => {
    for (const failure of await renewBroadcasts(role)) app.log.warn({ route: routes.broadcasts, ...logFieldsOf(failure) }, "not renewed");
  };
  app.get<{ Querystring: Record<string, unknown> }>(
    routes.broadcasts,
    { config: { refusal: "LINK_REFUSED", anonymous: true, rateLimit: { max: role.limits.requestsPerMinute } } },
    async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      renewing ??= renewOnce().finally(() => {
        renewing = null;
      });
      await renewing;
      const channel = await readChannel(role, {
        after: countIn(request.query, "after"),
        waitSeconds: Math.min(countIn(request.query, "wait"), maxInboxWaitSeconds),
        signal: gone.signal,
      });
      const cacheControl = `public, max-age=${cacheSeconds}`;
      return reply.type(mediaType.cbor).header("cache-control", cacheControl).send(encodeAs(broadcastChannelCodec, channel));
    },
  );
}

function operatorRoutes(app: FastifyInstance, role: KeyRole): void {
  app.addHook("onRequest", operatorOnly(role.stores.operatorTokens));
  acceptJson(app, role.limits);
  const label = /^[a-z0-9-]{1,64}$/;
  const life = { min: minBroadcastSeconds, max: maxBroadcastSeconds };

  app.post(routes.broadcasts, async (request): Promise<BroadcastView> => {
    const body = new JsonBody(request, ["module", "model", "mechanism", "suite", "group", "lifeSeconds"]);
    const started = await startBroadcast(role, {
      module: body.text("module", /^[a-z0-9._-]{1,64}$/),
      model: body.textOr("model", /^(?! )[ -~]{1,64}(?<! )$/, null),
      mechanism: body.textOr("mechanism", label, defaultBroadcastMechanism),
      suite: body.textOr("suite", label, null),
      group: body.nameOr("group", null),
      lifeSeconds: body.integerOr("lifeSeconds", life, defaultBroadcastSeconds),
    });
    return await viewOf(role, started);
  });

  app.get(routes.runningBroadcasts, async (): Promise<readonly BroadcastView[]> => {
    const views: BroadcastView[] = [];
    for (const broadcast of await role.stores.broadcasts.list(role.now())) views.push(await viewOf(role, broadcast));
    return views;
  });

  app.delete<{ Params: { id: string } }>(routes.broadcast, async (request, reply) => {
    await stopBroadcast(role, parseId(request.params.id));
    return reply.code(204).send();
  });
}

async function viewOf({ stores }: KeyRole, broadcast: RunningBroadcast): Promise<BroadcastView> {
  const { id, artefactId, mechanism, suite, group, startedAtSeconds, endsAtSeconds, issuedAtSeconds } = broadcast;
  const release = await stores.releases.find(artefactId);
  if (release === null) throw apiErrors.error("RELEASE_UNKNOWN");
  const { module, version, sequence } = release.description;
  return {
    id: id.toHex(),
    mechanism,
    suite,
    group,
    module,
    version,
    sequence,
    artefactId: artefactId.toHex(),
    startedAtSeconds,
    endsAtSeconds,
    issuedAtSeconds,
  };
}

/** 32 lower-case hexadecimal digits; anything else is no broadcast's id. */
function parseId(text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(text)) throw apiErrors.error("BROADCAST_UNKNOWN");
  return Uint8Array.fromHex(text);
}

/** A whole number in the query; 0 where it is missing. */
function countIn(query: Readonly<Record<string, unknown>>, name: string): number {
  const text = query[name];
  const count = text === undefined ? 0 : typeof text === "string" && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= Number.MAX_SAFE_INTEGER)) throw apiErrors.error("API_REQUEST_WRONG", { field: name });
  return count;
}
