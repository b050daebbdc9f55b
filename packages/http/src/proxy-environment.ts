export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that name proxies, as most programs read them: in lower case first. */
const names = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] as const;

/**
 * The proxies that an environment names, for an agent of Node (`proxyEnv`); NO_PROXY stays as it is. A proxy without a scheme
 * (`proxy.example:3128`) is one of HTTP, as for curl.
 */
export function proxyEnvironment(environment: Environment): Record<string, string | undefined> {
  const proxies: Record<string, string | undefined> = { ...environment };
  for (const name of names) {
    const written = proxies[name];
    if (written !== undefined && written !== "" && !/^[a-z][a-z0-9+.-]*:\/\//i.test(written)) proxies[name] = `http://${written}`;
  }
  return proxies;
}

/**
 * The same environment without a proxy that a secret would leave this machine by in plain: a request of plain HTTP stays on loopback, and
 * so must its proxy.
 */
export function proxiesForSecrets(url: URL, environment: Environment): Environment {
  const proxies = proxyEnvironment(environment);
  const proxy = URL.parse(proxies["http_proxy"] ?? proxies["HTTP_PROXY"] ?? "");
  return url.protocol === "http:" && proxy !== null && !isLoopback(proxy) ? {} : environment;
}

/** Whether an address is one of this machine itself. */
export function isLoopback(url: URL): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}
