import type { DeliveryPolicy } from "@sealane/api";
import { mechanisms } from "@sealane/link";
import { defaultLimits, serverRoles } from "@sealane/server";
import { softwareClasses } from "@sealane/software";

/** What `server.yaml` may say (JSON Schema, draft 2020-12). The same object checks files and is printed by `server config --schema`. */

/** Limits as they stand in the file: `requestsPerMinute` is `requests_per_minute`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

const file = { type: "string", minLength: 1, description: "a path, relative to the folder of this file" } as const;

const limits = Object.fromEntries(
  Object.entries(defaultLimits).map(([name, value]) => [
    snakeCase(name),
    { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: `${value} unless set` },
  ]),
);

const policy = Object.fromEntries(
  softwareClasses.map((softwareClass) => [
    softwareClass,
    {
      type: "array",
      uniqueItems: true,
      items: { enum: Object.keys(mechanisms) },
      description: `mechanisms by which ${softwareClass} software is delivered; unless set, those that are confidential and prove both ends`,
    },
  ]),
);

export const configSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "server.yaml of Sealane",
  type: "object",
  additionalProperties: false,
  properties: {
    listen: {
      type: "object",
      additionalProperties: false,
      properties: {
        host: { type: "string", minLength: 1, description: "address to listen on; 127.0.0.1 unless set" },
        port: { type: "integer", minimum: 0, maximum: 65_535, description: "7440 unless set" },
        tls: {
          type: "object",
          additionalProperties: false,
          required: ["certificate_file", "key_file"],
          properties: { certificate_file: file, key_file: file },
          description: "TLS 1.3 in place of plain HTTP; read again at SIGHUP",
        },
      },
    },
    public_url: { type: "string", pattern: "^https?://[^\\s@]+$", description: "where terminals reach the server" },
    roles: { type: "array", minItems: 1, uniqueItems: true, items: { enum: [...serverRoles] }, description: "all of them unless set" },
    database: {
      type: "object",
      additionalProperties: false,
      required: ["url"],
      properties: {
        url: { type: "string", pattern: "^postgres(ql)?://", description: "postgres://USER@HOST:PORT/DATABASE?schema=NAME" },
        password_file: file,
      },
      description: "PostgreSQL in place of the SQLite file in the server's folder",
    },
    storage_key_file: { ...file, description: "the key of the secrets in the database, where it is not in the server's folder" },
    trusted_proxies: {
      type: "array",
      maxItems: 64,
      items: { type: "string", minLength: 1 },
      description: "addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For is believed",
    },
    log: {
      type: "object",
      additionalProperties: false,
      properties: { level: { enum: ["silent", "error", "warn", "info", "debug"], description: "info unless set" } },
    },
    limits: { type: "object", additionalProperties: false, properties: limits },
    policy: { type: "object", additionalProperties: false, properties: policy },
  },
};

/** A file that the schema has passed. */
export interface ServerConfig {
  readonly listen?: {
    readonly host?: string;
    readonly port?: number;
    readonly tls?: { readonly certificate_file: string; readonly key_file: string };
  };
  readonly public_url?: string;
  readonly roles?: readonly (typeof serverRoles)[number][];
  readonly database?: { readonly url: string; readonly password_file?: string };
  readonly storage_key_file?: string;
  readonly trusted_proxies?: readonly string[];
  readonly log?: { readonly level?: "silent" | "error" | "warn" | "info" | "debug" };
  readonly limits?: Readonly<Record<string, number>>;
  readonly policy?: Partial<DeliveryPolicy>;
}
