import { apiErrors, routes } from "@sealane/api";
import type { Pkcs11KeyStore } from "@sealane/keystore";
import type { FastifyInstance } from "fastify";
import { serverErrors } from "../errors.ts";
import { requireWritableFolder } from "../files.ts";
import { type Database, requireWritable } from "../storage/database.ts";
import type { OperatorTokens } from "../storage/operator-tokens.ts";
import type { Metrics } from "./metrics.ts";
import { isFromHere, operatorOnly } from "./operator-only.ts";

/** Routes for whoever watches the server: whether it can do its work, and what it counts. A server of the download role alone has neither database nor tokens. */
export function watchRoutes(given: {
  readonly metrics: Metrics;
  readonly database: Database | null;
  readonly tokens: OperatorTokens | null;
  /** The token that has the private keys. */
  readonly keys: Pkcs11KeyStore | null;
  /** Folders that the server's roles write to. */
  readonly folders: readonly string[];
}): (app: FastifyInstance) => Promise<void> {
  const { metrics, database, tokens, keys, folders } = given;
  return async (app) => {
    app.get(routes.ready, async (request) => {
      try {
        if (database !== null) await requireWritable(database);
        for (const folder of folders) await requireWritableFolder(folder);
        await keys?.requirePresent();
      } catch (cause) {
        throw isFromHere(request) ? cause : apiErrors.error("API_SERVER_BUSY", {}, cause); // why is nobody else's business
      }
      return { status: "ready" };
    });
    app.get(
      routes.metrics,
      {
        onRequest: async (request) => {
          if (isFromHere(request)) return;
          if (tokens === null) throw serverErrors.error("SERVER_OPERATOR_REMOTE");
          await operatorOnly(tokens)(request);
        },
      },
      async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
    );
  };
}
