import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mediaType, routes, type TokenView } from "@sealane/api";
import { suites } from "@sealane/crypto";
import { type MechanismName, mechanisms } from "@sealane/link";
import { initServer, type RunningServer, startServer } from "@sealane/server";
import { parseName } from "@sealane/wire";
import { testNowSeconds } from "../../parties.ts";

/** A server with all roles on loopback, in a folder that goes with it, whose clock stands still. */
export class LocalServer implements AsyncDisposable {
  readonly folder: string;
  readonly #parent: string;
  readonly #operatorToken: string;
  readonly #running: RunningServer;

  private constructor(made: {
    readonly parent: string;
    readonly folder: string;
    readonly operatorToken: string;
    readonly running: RunningServer;
  }) {
    this.folder = made.folder;
    this.#parent = made.parent;
    this.#operatorToken = made.operatorToken;
    this.#running = made.running;
  }

  /** With keys of every suite. */
  static async start(): Promise<LocalServer> {
    const parent = await mkdtemp(join(tmpdir(), "sealane-cddl-"));
    try {
      const folder = join(parent, "server");
      const { operatorToken } = await initServer({ folder, name: parseName("server.test"), nowSeconds: testNowSeconds, suites });
      const running = await startServer({
        folder,
        roles: ["key", "download", "ca", "operator"],
        host: "127.0.0.1",
        port: 0,
        log: { level: "silent", destination: { write: () => {} } },
        now: () => testNowSeconds,
        policy: { application: Object.keys(mechanisms) as MechanismName[] },
      });
      return new LocalServer({ parent, folder, operatorToken, running });
    } catch (error) {
      await rm(parent, { recursive: true });
      throw error;
    }
  }

  async get(path: string): Promise<Uint8Array> {
    return await this.#bodyOf(path, {});
  }

  /** Posts CBOR, as a terminal does. */
  async post(path: string, body: Uint8Array): Promise<Uint8Array> {
    return await this.#bodyOf(path, { method: "POST", headers: { "content-type": mediaType.cbor }, body: Uint8Array.from(body) });
  }

  /** Posts as the operator: an artefact, a release, or JSON. */
  async operate(path: string, type: string, body: Uint8Array | string): Promise<Uint8Array> {
    const headers = { authorization: `Bearer ${this.#operatorToken}`, "content-type": type };
    return await this.#bodyOf(path, { method: "POST", headers, body: typeof body === "string" ? body : Uint8Array.from(body) });
  }

  /** A new enrolment token as text. */
  async token(name: string, model: string): Promise<string> {
    const view = await this.operate(routes.tokens, mediaType.json, JSON.stringify({ name, model }));
    return (JSON.parse(new TextDecoder().decode(view)) as TokenView).token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.close();
    await rm(this.#parent, { recursive: true });
  }

  async #bodyOf(path: string, request: RequestInit): Promise<Uint8Array> {
    const response = await fetch(this.#running.url + path, request);
    const body = await response.bytes();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${new TextDecoder().decode(body)}`);
    return body;
  }
}
