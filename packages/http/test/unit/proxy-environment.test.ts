import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, proxiesForSecrets } from "../../src/index.ts";
import { proxyEnvironment } from "../../src/proxy-environment.ts";

test("a proxy without a scheme is one of HTTP; everything else of the environment stays", () => {
  const environment = { HTTP_PROXY: "127.0.0.1:3128", https_proxy: "http://p:1", NO_PROXY: "a.example", http_proxy: "" };
  assert.deepEqual(proxyEnvironment(environment), { ...environment, HTTP_PROXY: "http://127.0.0.1:3128" });
});

test("a secret in plain leaves by no proxy but one on loopback, whichever variable names it", () => {
  const own = new URL("http://127.0.0.1:8443/");
  for (const name of ["HTTP_PROXY", "http_proxy"]) {
    for (const proxy of ["127.0.0.1:3128", "http://localhost:1", "http://[::1]:1"])
      assert.deepEqual(proxiesForSecrets(own, { [name]: proxy }), { [name]: proxy });
    for (const proxy of ["proxy.example:3128", "http://127.0.0.1.example:1"])
      assert.deepEqual(proxiesForSecrets(own, { [name]: proxy }), {});
  }
  const environment = { HTTPS_PROXY: "proxy.example:3128", HTTP_PROXY: "proxy.example:3128" };
  assert.deepEqual(proxiesForSecrets(new URL("https://server.example/"), environment), environment);
  assert.ok(!isLoopback(new URL("http://proxy.example/")));
});
