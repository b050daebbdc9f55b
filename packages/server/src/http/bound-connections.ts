import type { Server } from "node:http";
import type { Socket } from "node:net";
import { apiErrors } from "@sealane/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ServerLimits } from "../limits.ts";
import { addressGroupOf, isAmong } from "./address-group.ts";
import { ConnectionBudget, type Counted } from "./connection-budget.ts";
import type { Metrics } from "./metrics.ts";
import { ProvenNearby } from "./proven-nearby.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the request counts as: its connection, or itself where a trusted proxy has passed it on. */
    counted: Counted | null;
    /** Notes that the request has proven this terminal, which from now on answers for the connection. */
    provesTerminal(name: string): void;
  }
}

/**
 * Bounds connections by address and by terminal. Those of trusted proxies are exempt: there each request counts for the address that the
 * proxy names. A request beyond the bound is API_RATE_EXCEEDED, a connection beyond it is closed and counted in the metrics.
 */
export function boundConnections(
  app: FastifyInstance,
  given: { readonly limits: ServerLimits; readonly trustedProxies: readonly string[]; readonly metrics: Metrics },
): { readonly nearby: ProvenNearby } {
  const { maxConnectionsPerAddress: perAddress, maxConnectionsPerTerminal: perTerminal } = given.limits;
  const budget = new ConnectionBudget({ perAddress, perTerminal });
  const nearby = new ProvenNearby(() => performance.now() / 1000);
  const isProxy = isAmong(given.trustedProxies);
  const connections = new Map<string, Counted>();
  const server: Server = app.server;
  server.on("drop", () => given.metrics.countClosed());
  server.prependListener("connection", (socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isProxy(remoteAddress)) return;
    const end = (): void => {
      given.metrics.countClosed();
      socket.destroy();
    };
    const counted = budget.admit(remoteAddress, end);
    if (counted === null) return end();
    const key = keyOf(socket);
    connections.set(key, counted);
    socket.once("close", () => {
      budget.release(counted);
      if (connections.get(key) === counted) connections.delete(key);
    });
  });
  app.decorateRequest("counted", null);
  app.decorateRequest("provesTerminal", function (this: FastifyRequest, name: string) {
    if (this.counted === null) return;
    if (this.counted.terminal === null) nearby.note(this.ip, name); // what was counted for its address
    budget.prove(this.counted, name);
  });
  app.addHook("onRequest", async (request, reply) => {
    const { socket, raw, ip } = request;
    const own = connections.get(keyOf(socket));
    const counted = own ?? budget.admit(ip, () => raw.destroy());
    if (counted === null) throw apiErrors.error("API_RATE_EXCEEDED");
    request.counted = counted;
    counted.busy++;
    reply.raw.once("close", () => {
      counted.busy--;
      if (own === undefined) budget.release(counted);
    });
  });
  // Before the plugin of rates, which has a hook of its own for each route.
  app.addHook("onRoute", ({ config }) => {
    const rate = config?.rateLimit;
    if (config === undefined || rate === undefined || rate === false || typeof rate.max !== "number") return;
    config.rateLimit = { ...rate, max: maxBeside(nearby, rate.max) };
  });
  return { nearby };
}

/** How many requests a minute one key of {@link rateKeyOf} may send: an address so many, and one for each terminal that was proven there. */
export function maxBeside(nearby: ProvenNearby, max: number): (request: FastifyRequest) => number {
  return ({ counted, ip }) => max + ((counted?.terminal ?? null) === null ? nearby.count(ip) : 0);
}

/** What a rate is counted for: a terminal that its connection has proven, or else the address. */
export function rateKeyOf({ counted, ip }: FastifyRequest): string {
  const terminal = counted?.terminal ?? null;
  return terminal === null ? `address ${addressGroupOf(ip)}` : `terminal ${terminal}`;
}

/** The same for a connection and for the TLS on it. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
