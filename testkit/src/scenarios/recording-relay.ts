import { connect, createServer, type Server, type Socket } from "node:net";
import { demand } from "./failure.ts";

/** Everything that one connection carried. */
export interface RecordedConnection {
  /** From the client, joined. */
  readonly sent: Uint8Array;
  /** From the server, joined. */
  readonly received: Uint8Array;
}

/** From where the relay calls a server: an address that nobody else has, so that one who writes down whom he talks to is found out. */
export const clientAddress = "127.86.203.41";

/** Only there every address of 127.0.0.0/8 is this machine's without anybody setting it up. */
const hasManyAddresses = process.platform === "linux";

/** A TCP relay on loopback that changes nothing and keeps all that passes: what a packet capture between client and server shows. */
export class RecordingRelay {
  readonly #server: Server = createServer((client) => this.#pass(client));
  readonly #sockets = new Set<Socket>();
  #connections: Recording[] = [];
  #target: URL | null = null;

  /** Begins to listen at a free port. */
  static async listen(): Promise<RecordingRelay> {
    const relay = new RecordingRelay();
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    const address = this.#server.address();
    demand(typeof address === "object" && address !== null, "The relay does not listen.");
    return `http://127.0.0.1:${address.port}`;
  }

  /** The server behind. */
  set target(url: string) {
    this.#target = new URL(url);
  }

  /** Gives the connections since the last call, in the order in which they were made, and forgets them. */
  take(): readonly RecordedConnection[] {
    const taken = this.#connections;
    this.#connections = [];
    return taken.map(({ sent, received }) => ({ sent: Buffer.concat(sent), received: Buffer.concat(received) }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client: Socket): void {
    const recording: Recording = { sent: [], received: [] };
    this.#connections.push(recording);
    const { hostname: host = "", port = "" } = this.#target ?? {};
    const server = connect({ host, port: Number(port), ...(hasManyAddresses ? { localAddress: clientAddress } : {}) });
    client.on("data", (piece: Buffer) => void recording.sent.push(piece));
    server.on("data", (piece: Buffer) => void recording.received.push(piece));
    client.pipe(server);
    server.pipe(client);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {
        client.destroy(); // one end is gone: as without a relay
        server.destroy();
      });
    }
  }
}

interface Recording {
  readonly sent: Buffer[];
  readonly received: Buffer[];
}
