/** First elements of what a secret in the database is sealed for: the product and the version of this form. */
export const rowContext = ["Sealane", 2, "row"] as const;
export const firstRowContext = ["Sealane", 1, "row"] as const;

/** First elements of what a period's key is derived for. */
export const rowKeyContext = ["Sealane", 1, "row key"] as const;

/** The operator token that `initServer` makes. */
export const firstOperatorLabel = "init";

/** Scheme of an operator's Authorization header (RFC 6750). */
export const operatorScheme = "Bearer ";

/** The roles of a server; each runs alone or with others in one process. */
export const serverRoles = ["key", "download", "ca", "operator"] as const;
export type ServerRole = (typeof serverRoles)[number];

/** What a licence allows, in the words of this server. */
export const licenceRights = ["install", "run"] as const;

/** How a link is originated unless told. */
export const defaultMechanism = "signed-transport";

/** What a broadcast is unless told. */
export const defaultBroadcastMechanism = "open-broadcast";

/** The version that `GET /v1/server` tells. */
export const serverVersion = "0.1.0";
