export { type ServerCode, serverErrors } from "./errors.ts";
export type { LogOptions } from "./http/http-server.ts";
export { type InitInput, type InitialisedServer, initServer } from "./init.ts";
export { type ServerRole, serverRoles } from "./labels.ts";
export { type ServerFolder, serverFolder } from "./layout.ts";
export { defaultLimits, type ServerLimits } from "./limits.ts";
export { migrateServer } from "./migrate.ts";
export { issuePublisher, type PublisherInput } from "./publisher.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
