import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import { apiErrors, mediaType, problemOf, referenceHeader, routes } from "@sealane/api";
import { SealaneError } from "@sealane/wire";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import { maxJsonBytes, type ServerLimits } from "../limits.ts";
import { endSlowReader, endUnreadBody } from "./bodies.ts";
import { boundConnections, maxBeside, rateKeyOf } from "./bound-connections.ts";
import { failureFieldsOf, failureOf, logFieldsOf, outwardOf } from "./failure.ts";
import type { Metrics } from "./metrics.ts";
import { rateWindowSeconds } from "./proven-nearby.ts";
import { newReference, refer, referRequests, requestFieldsOf } from "./subject.ts";
import type { TlsCertificate } from "./tls-certificate.ts";

/** Where the log goes, as lines of JSON. */
export interface LogOptions {
  readonly level: "silent" | "error" | "warn" | "info" | "debug";
  readonly destination: { write(line: string): void };
}

export interface HttpServerOptions {
  readonly limits: ServerLimits;
  readonly log: LogOptions;
  /** True when the server is stopping: new requests are turned away. */
  readonly isStopping: () => boolean;
  readonly metrics: Metrics;
  /** TLS in place of plain HTTP. */
  readonly tls: TlsCertificate | null;
  /** Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[];
}

/** Raw bytes of a path's parameter: a name of 128 with every one of them percent-encoded. */
const maxParamLength = 384;

/** Asked every few seconds by whoever watches the server. */
const quietRoutes: readonly string[] = [routes.health, routes.ready, routes.metrics];

/** How often connections are looked at for their time limits. */
const checkMilliseconds = 5_000;

/**
 * Makes the HTTP server that roles add their routes to: bounds on bodies, times, connections and rates, errors as
 * `application/problem+json`, one line of log for each request. The log has no bodies, headers, query or addresses.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { limits } = options;
  const app = fastify({
    bodyLimit: maxJsonBytes,
    serverFactory: (handler) => createListener(handler, options),
    ...(options.trustedProxies.length === 0 ? {} : { trustProxy: [...options.trustedProxies] }),
    routerOptions: { maxParamLength },
    exposeHeadRoutes: false,
    return503OnClosing: false, // our own hook answers in our own form
    logController: new LogController({ disableRequestLogging: true }),
    logger: { level: options.log.level, stream: options.log.destination, base: null },
    frameworkErrors: (error, request, reply) => {
      // No hook runs for these.
      refer(request, reply);
      reply.raw.once("close", () => {
        void logResponse(request, reply);
        options.metrics.countRequest(request, reply);
        endUnreadBody(request);
      });
      sendProblem(error, request, reply);
    },
    clientErrorHandler: (error, socket) => {
      const reference = newReference();
      const refused = refuseUnreadable(error, { socket, reference });
      if (refused === null) return;
      app.log.warn({ method: null, route: null, reference, status: 400, ...logFieldsOf(refused) }, "refused");
      options.metrics.countUnreadable(refused);
    },
  });
  app.server.maxConnections = limits.maxConnections;
  app.decorateRequest("failure", null);
  referRequests(app);
  app.removeAllContentTypeParsers();
  app.setErrorHandler(sendProblem);
  app.addHook("onResponse", logResponse);
  app.addHook("onResponse", async (request, reply) => options.metrics.countRequest(request, reply));
  app.addHook("onResponse", async (request) => endUnreadBody(request));
  app.addHook("onRequestAbort", async (request) => request.log.info(requestFieldsOf(request), "client went"));
  app.addHook("onRequest", async (request) => {
    if (request.raw.httpVersion === "1.1" && request.headers.host === undefined)
      throw apiErrors.error("API_REQUEST_WRONG", { host: "missing" });
    if (options.isStopping()) throw apiErrors.error("API_SERVER_BUSY");
  });
  // Also of a request that began before: a connection that is kept alive would keep the server waiting.
  app.addHook("onSend", async (request, reply, payload) => endSlowReader(request, reply, { payload, limits }));
  app.addHook("onSend", async (_request, reply) => void (options.isStopping() && reply.header("connection", "close")));
  const { nearby } = boundConnections(app, options); // before the rates, which ask what a request counts as
  await app.register(rateLimit, {
    keyGenerator: rateKeyOf,
    max: maxBeside(nearby, limits.requestsPerMinute),
    timeWindow: rateWindowSeconds * 1000,
    addHeadersOnExceeding: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false },
    addHeaders: { "x-ratelimit-limit": false, "x-ratelimit-remaining": false, "x-ratelimit-reset": false, "retry-after": true },
    errorResponseBuilder: () => apiErrors.error("API_RATE_EXCEEDED"),
  });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, () => {
    throw apiErrors.error("API_ROUTE_UNKNOWN");
  });
  app.get(routes.health, async () => ({ status: "ok" }));
  return app;
}

/** The server of `node:http` or `node:https` with its bounds on time. */
function createListener(handler: http.RequestListener, { limits, tls }: HttpServerOptions): http.Server {
  const bounds = {
    requireHostHeader: false, // a hook refuses it, so that it is logged and counted
    requestTimeout: limits.uploadSeconds * 1000,
    keepAliveTimeout: limits.idleSeconds * 1000,
    headersTimeout: limits.bodySeconds * 1000,
    connectionsCheckingInterval: checkMilliseconds,
  };
  const server =
    tls === null
      ? http.createServer(bounds, handler)
      : https.createServer({ ...bounds, ...tls, minVersion: "TLSv1.3", handshakeTimeout: limits.bodySeconds * 1000 }, handler);
  server.on("checkExpectation", handler); // Node's own answer is neither logged nor counted
  server.setTimeout(limits.idleSeconds * 1000);
  return server;
}

/** Answers what is no HTTP, came too slowly or has heads that are too large; null where the client has gone. */
function refuseUnreadable(
  error: Error & { readonly code?: string },
  { socket, reference }: { readonly socket: Socket; readonly reference: string },
): SealaneError | null {
  if (!socket.writable || error.code === "ECONNRESET" || error.code === "HPE_INVALID_EOF_STATE") {
    socket.destroy();
    return null;
  }
  const refused = apiErrors.error("API_REQUEST_WRONG", { reason: error.code ?? "unreadable" });
  const body = JSON.stringify(problemOf(refused));
  const lines = [
    "HTTP/1.1 400 Bad Request",
    "Connection: close",
    `Content-Type: ${mediaType.problem}`,
    `${referenceHeader}: ${reference}`,
    `Content-Length: ${body.length}`,
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroySoon());
  return refused;
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = failureOf(error);
  request.failure = failure;
  if (reply.raw.destroyed) request.log.warn({ ...requestFieldsOf(request), ...failureFieldsOf(request, failure) }, "ended"); // nobody hears it
  const outward = outwardOf(failure, request);
  void reply
    .code(outward.entry.http)
    .type(mediaType.problem)
    .send(JSON.stringify(problemOf(outward)));
}

async function logResponse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { failure } = request;
  const line = {
    ...requestFieldsOf(request),
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime),
    ...(failure === null ? {} : failureFieldsOf(request, failure)),
  };
  if (failure !== null && (!(failure instanceof SealaneError) || reply.statusCode >= 500)) request.log.error(line, "failed");
  else if (failure !== null) request.log.warn(line, "refused");
  else if (quietRoutes.includes(request.routeOptions.url ?? "")) request.log.debug(line, "done");
  else request.log.info(line, "done");
}
