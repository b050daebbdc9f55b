import { referenceHeader } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Called with what a request has proven so far, or that its sender stays without a name. */
export type Note = (subject: Subject | "anonymous") => void;

/** Whom and what a request was about, as far as it has proven that; the log has it. */
interface Subject {
  /** The terminal that the request has proven. */
  readonly terminal?: string;
  /** The link, by {@link linkReference}. */
  readonly link?: string;
  readonly module?: string;
  /** What a record asked for. */
  readonly asked?: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whoever asks here stays without a name: neither reply nor log tell one request from another. */
    readonly anonymous?: true;
  }
  interface FastifyRequest {
    /** A number of this request alone, at random: in the reply's head and in the log. */
    reference: string;
    subject: Subject | "anonymous" | null;
  }
}

/** Gives each request its reference, in the same place of every reply, refused or not, but to who stays without a name. To be called before every other hook. */
export function referRequests(app: FastifyInstance): void {
  app.decorateRequest("reference", "");
  app.decorateRequest("subject", null);
  app.addHook("onRequest", async (request, reply) => refer(request, reply));
}

/** The same where no hook runs. */
export function refer(request: FastifyRequest, reply: FastifyReply): void {
  if (request.reference !== "" || isAnonymous(request)) return;
  request.reference = newReference();
  void reply.header(referenceHeader, request.reference);
}

/** Notes on a request what it proves; the reply to a sender without a name loses the reference, which no log has. */
export function notingOn(request: FastifyRequest, reply: FastifyReply): Note {
  return (subject) => {
    request.subject = subject;
    if (subject === "anonymous") reply.removeHeader(referenceHeader);
  };
}

/** Whether nothing may tell who sent a request. */
export function isAnonymous({ routeOptions, subject }: FastifyRequest): boolean {
  return subject === "anonymous" || routeOptions.config?.anonymous === true;
}

/** 16 hexadecimal digits. */
export function newReference(): string {
  return systemRandom.bytes(8).toHex();
}

/** Eight digits of a link's id: enough to find its other lines. */
export function linkReference(id: Uint8Array): string {
  return id.subarray(0, 4).toHex();
}

/**
 * What a line of log says of a request: the route and not the address that was asked for, which may hold anything; of one without a name
 * nothing more.
 */
export function requestFieldsOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  const { method, routeOptions, reference, subject } = request;
  const fields = { method, route: routeOptions.url ?? null };
  return isAnonymous(request) || subject === "anonymous" ? fields : { ...fields, reference, ...subject };
}
