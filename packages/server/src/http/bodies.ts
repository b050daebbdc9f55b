import { apiErrors, mediaType } from "@sealane/api";
import { type Name, parseName } from "@sealane/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ServerLimits } from "../limits.ts";

/** Time for a client to read a reply that comes before it has sent everything. */
const lingerMilliseconds = 3_000;

/** Bodies of requests. A body of another type than a route takes is API_REQUEST_WRONG. */

/** Lets the routes of this plugin take CBOR; a body that does not arrive in time ends its connection. */
export function acceptCbor(app: FastifyInstance, limits: ServerLimits): void {
  app.addContentTypeParser<Buffer>(mediaType.cbor, { parseAs: "buffer" }, (_request, body, done) => done(null, new Uint8Array(body)));
  endSlowBodies(app, limits);
}

/** The same for JSON. */
export function acceptJson(app: FastifyInstance, limits: ServerLimits): void {
  app.addContentTypeParser(mediaType.json, { parseAs: "string" }, app.getDefaultJsonParser("error", "error"));
  endSlowBodies(app, limits);
}

/** Lets the routes of this plugin take an artefact as a stream, which the route reads. */
export function acceptArtefact(app: FastifyInstance): void {
  app.addContentTypeParser(mediaType.artefact, (_request, payload, done) => done(null, payload));
}

/** The CBOR of a request. Error: API_REQUEST_WRONG when there is none. */
export function cborBody(request: FastifyRequest): Uint8Array {
  if (!(request.body instanceof Uint8Array)) throw apiErrors.error("API_REQUEST_WRONG", { body: "missing" });
  return request.body;
}

/** The pieces of an upload; to stop reading them leaves the connection open for the reply. Error: API_REQUEST_WRONG when there is none. */
export function artefactBody(request: FastifyRequest): AsyncIterable<Uint8Array> {
  if (request.body !== request.raw) throw apiErrors.error("API_REQUEST_WRONG", { body: "missing" });
  return request.raw.iterator({ destroyOnReturn: false });
}

/**
 * Ends a connection whose body nobody wanted, a few seconds after the reply: what still arrives until then is thrown away, so that
 * the client can read why. To close at once would reset the connection and lose the reply.
 */
export function endUnreadBody(request: FastifyRequest): void {
  const { raw } = request;
  if (raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.destroy(), lingerMilliseconds);
  raw.once("close", () => clearTimeout(timer)).resume();
}

/** The longest time for so many bytes, in either direction: that of a body, and what they take at the least rate. */
function secondsFor(bytes: number, { bodySeconds, leastBytesPerSecond }: ServerLimits): number {
  return bodySeconds + bytes / leastBytesPerSecond;
}

/** Ends a connection whose client does not take a reply in its time. */
export function endSlowReader(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  { payload, limits }: { readonly payload: unknown; readonly limits: ServerLimits },
): void {
  const bytes = typeof payload === "string" || payload instanceof Uint8Array ? payload.length : 0;
  const timer = setTimeout(() => raw.destroy(), secondsFor(bytes, limits) * 1000);
  reply.raw.once("close", () => clearTimeout(timer));
}

/** Members of a JSON object, each checked where it is taken. Every method's error: API_REQUEST_WRONG. */
export class JsonBody {
  readonly #members: ReadonlyMap<string, unknown>;

  /** Refuses what is not an object, and members that are not `known`. */
  constructor(request: FastifyRequest, known: readonly string[]) {
    const { body } = request;
    if (typeof body !== "object" || body === null || Array.isArray(body)) throw wrong("body");
    this.#members = new Map<string, unknown>(Object.entries(body));
    for (const member of this.#members.keys()) if (!known.includes(member)) throw wrong(known.join(" "));
  }

  text(member: string, pattern: RegExp): string {
    const value = this.#members.get(member);
    if (typeof value !== "string" || !pattern.test(value)) throw wrong(member);
    return value;
  }

  textOr<T>(member: string, pattern: RegExp, missing: T): string | T {
    return this.#members.has(member) ? this.text(member, pattern) : missing;
  }

  name(member: string): Name {
    return nameOf(this.#members.get(member), member);
  }

  nameOr<T>(member: string, missing: T): Name | T {
    return this.#members.has(member) ? this.name(member) : missing;
  }

  /** Different names; none where the member is missing. */
  namesOrNone(member: string, max: number): readonly Name[] {
    return this.#members.has(member) ? this.names(member, max) : [];
  }

  /** Different names, at least one. */
  names(member: string, max: number): readonly Name[] {
    const value = this.#members.get(member);
    if (!Array.isArray(value) || value.length === 0 || value.length > max) throw wrong(member);
    return [...new Set(value.map((each: unknown) => nameOf(each, member)))];
  }

  integerOr(member: string, bounds: { readonly min: number; readonly max: number }, missing: number): number {
    const value = this.#members.has(member) ? this.#members.get(member) : missing;
    if (typeof value !== "number" || !Number.isInteger(value) || value < bounds.min || value > bounds.max) throw wrong(member);
    return value;
  }
}

function nameOf(value: unknown, member: string): Name {
  try {
    return parseName(typeof value === "string" ? value : "");
  } catch {
    throw wrong(member);
  }
}

function wrong(field: string): Error {
  return apiErrors.error("API_REQUEST_WRONG", { field });
}

function endSlowBodies(app: FastifyInstance, limits: ServerLimits): void {
  app.addHook("preParsing", (request, _reply, payload, done) => {
    const announced = Number(request.headers["content-length"] ?? Number.NaN);
    const bytes = Math.min(Number.isNaN(announced) ? Number.POSITIVE_INFINITY : announced, request.routeOptions.bodyLimit);
    const timer = setTimeout(() => request.raw.destroy(), secondsFor(bytes, limits) * 1000);
    const stop = (): void => clearTimeout(timer);
    payload.once("end", stop).once("close", stop);
    done();
  });
}
