import { terminalErrors } from "./errors.ts";

/** Checks an address and makes it one that paths can be added to. Error: TERMINAL_ADDRESS_WRONG. */
export function parseBaseUrl(written: string): URL {
  const url = URL.parse(written);
  const isUsable = url !== null && ["http:", "https:"].includes(url.protocol) && url.username === "" && url.password === "";
  if (!isUsable) throw terminalErrors.error("TERMINAL_ADDRESS_WRONG");
  url.search = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
