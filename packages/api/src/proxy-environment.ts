/** The variables that name proxies, as most programs read them: in lower case first. */
const names = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] as const;

/**
 * The proxies that an environment names, for an agent of Node (`proxyEnv`); NO_PROXY stays as it is. A proxy without a scheme
 * (`proxy.example:3128`) is one of HTTP, as for curl.
 */
export function proxyEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const proxies: Record<string, string | undefined> = { ...environment };
  for (const name of names) {
    const written = proxies[name];
    if (written !== undefined && written !== "" && !/^[a-z][a-z0-9+.-]*:\/\//i.test(written)) proxies[name] = `http://${written}`;
  }
  return proxies;
}
