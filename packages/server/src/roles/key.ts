import { apiErrors, mediaType, type OfferView, routes } from "@sealane/api";
import { maxMessageBytes } from "@sealane/link";
import type { FastifyInstance } from "fastify";
import { acceptCbor, acceptJson, cborBody, JsonBody } from "../http/bodies.ts";
import { failureFieldsOf } from "../http/failure.ts";
import { operatorOnly } from "../http/operator-only.ts";
import { notingOn, requestFieldsOf } from "../http/subject.ts";
import { giveChallenge } from "../key/challenge.ts";
import { establishLink } from "../key/establish.ts";
import { exchangeRecord } from "../key/exchange.ts";
import type { KeyRole } from "../key/key-role.ts";
import { originateOffers } from "../key/originate.ts";
import { defaultMechanism } from "../labels.ts";
import { maxOfferTerminals, maxRecordWireBytes } from "../limits.ts";
import { inboxRoutes } from "./inbox.ts";

/** Routes of the key role: links, records, inbox, and offers for operators. It holds the content keys. */
export function keyRoutes(role: KeyRole): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("preClose", async () => role.waiters.close());
    await app.register(async (scope) => linkRoutes(scope, role));
    await app.register(async (scope) => inboxRoutes(scope, role));
    await app.register(async (scope) => offerRoutes(scope, role));
  };
}

function linkRoutes(app: FastifyInstance, role: KeyRole): void {
  const { linksPerMinute } = role.limits;
  acceptCbor(app, role.limits);
  const config = { refusal: "LINK_REFUSED" } as const;

  app.post(
    routes.links,
    { bodyLimit: maxMessageBytes, config: { ...config, rateLimit: { max: linksPerMinute } } },
    async (request, reply) => reply.type(mediaType.cbor).send(await establishLink(role, cborBody(request), notingOn(request, reply))),
  );

  app.post(routes.challenges, { bodyLimit: 1, config: { ...config, rateLimit: { max: linksPerMinute } } }, async (_request, reply) =>
    reply
      .type(mediaType.cbor)
      .header("cache-control", "no-store")
      .send(await giveChallenge(role)),
  );

  app.post<{ Params: { id: string } }>(
    routes.records,
    { bodyLimit: maxRecordWireBytes, config: { ...config, rateLimit: { max: linksPerMinute } } },
    async (request, reply) => {
      const input = { linkId: parseLinkId(request.params.id), record: cborBody(request) };
      const { response, refusal, proven } = await exchangeRecord(role, input, notingOn(request, reply));
      if (proven !== null) request.provesTerminal(proven);
      if (refusal !== null)
        request.log.warn({ ...requestFieldsOf(request), ...failureFieldsOf(request, refusal) }, "refused inside a link");
      return reply.type(mediaType.cbor).send(response);
    },
  );
}

function offerRoutes(app: FastifyInstance, role: KeyRole): void {
  acceptJson(app, role.limits);
  app.post(routes.offers, { onRequest: operatorOnly(role.stores.operatorTokens) }, async (request): Promise<OfferView> => {
    const body = new JsonBody(request, ["terminals", "module", "mechanism", "suite"]);
    const terminals = body.names("terminals", maxOfferTerminals);
    const label = /^[a-z0-9-]{1,64}$/;
    await originateOffers(role, {
      terminals,
      module: body.text("module", /^[a-z0-9._-]{1,64}$/),
      mechanism: body.textOr("mechanism", label, defaultMechanism),
      suite: body.textOr("suite", label, null),
    });
    return { offered: terminals };
  });
}

/** 32 lower-case hexadecimal digits; anything else is no link's id. */
function parseLinkId(text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(text)) throw apiErrors.error("API_REQUEST_WRONG", { field: "link id" });
  return Uint8Array.fromHex(text);
}
