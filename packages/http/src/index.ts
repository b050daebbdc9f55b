export { bytesOf, HttpClient, type HttpOptions, type HttpReply, type HttpRequest, urlOf } from "./http-client.ts";
export type { LeastRate } from "./limits.ts";
export { leastRate } from "./limits.ts";
export { isLoopback, proxiesForSecrets } from "./proxy-environment.ts";
export type { FileBody } from "./send-file.ts";
