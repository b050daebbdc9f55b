import type { BroadcastLink, ConfidentialLink, UnconfirmedLink } from "@sealane/link";
import { SealaneError } from "@sealane/wire";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/**
 * What the server counts, for Prometheus. No label tells one terminal from another: routes, statuses, codes, mechanisms and suites
 * only.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: "sealane_http_request_duration_seconds",
    help: "Requests by route, method and status",
    labelNames: ["route", "method", "status"] as const,
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: "sealane_refusals_total",
    help: "Refused requests by route and the code that the log has",
    labelNames: ["route", "code"] as const,
    registers: [this.#registry],
  });
  readonly #links = new Counter({
    name: "sealane_links_total",
    help: "Links that were established",
    labelNames: ["mechanism", "suite", "originator"] as const,
    registers: [this.#registry],
  });
  readonly #downloaded = new Counter({
    name: "sealane_download_bytes_total",
    help: "Bytes of sealed artefacts that were read for downloads",
    registers: [this.#registry],
  });

  readonly #closed = new Counter({
    name: "sealane_connections_closed_total",
    help: "Connections that were closed because there were too many, of all or of their address",
    registers: [this.#registry],
  });

  readonly #asked = new Counter({
    name: "sealane_link_requests_total",
    help: "Requests inside links by what they ask for and the code of their refusal, or none",
    labelNames: ["asked", "code"] as const,
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  countRequest(request: FastifyRequest, reply: FastifyReply): void {
    const route = request.routeOptions.url ?? "unknown";
    this.#requests.observe({ route, method: request.method, status: reply.statusCode }, reply.elapsedTime / 1000);
    const { failure } = request;
    if (failure !== null) this.#refusals.inc({ route, code: failure instanceof SealaneError ? failure.code : "unexpected" });
  }

  /** Counts what was refused before it was a request. */
  countUnreadable({ code }: SealaneError): void {
    this.#refusals.inc({ route: "unknown", code });
  }

  countClosed(): void {
    this.#closed.inc();
  }

  countLink({ mechanism, suite, originatorRole }: ConfidentialLink | UnconfirmedLink | BroadcastLink): void {
    this.#links.inc({ mechanism, suite: suite.name, originator: originatorRole });
  }

  countAsked({ asked, code }: { readonly asked: string; readonly code: string | null }): void {
    this.#asked.inc({ asked, code: code ?? "none" });
  }

  countDownloaded(bytes: number): void {
    this.#downloaded.inc(bytes);
  }

  /** Shows how many downloads are being sent. */
  watchDownloads(running: () => number): void {
    new Gauge({
      name: "sealane_downloads_running",
      help: "Downloads that are being sent",
      registers: [this.#registry],
      collect() {
        this.set(running());
      },
    });
  }

  /** Shows how many requests to the broadcast channel wait. */
  watchChannel(waiting: () => number): void {
    new Gauge({
      name: "sealane_broadcast_listeners",
      help: "Requests to the broadcast channel that wait",
      registers: [this.#registry],
      collect() {
        this.set(waiting());
      },
    });
  }

  /** Shows how many inbox requests wait. */
  watchInbox(waiting: () => number): void {
    new Gauge({
      name: "sealane_inbox_waiting",
      help: "Inbox requests that wait for messages, long polls and event streams",
      registers: [this.#registry],
      collect() {
        this.set(waiting());
      },
    });
  }
}
