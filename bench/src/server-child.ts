import { createReadStream, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { startServer } from "@sealane/server";

/**
 * One contestant of the server benchmark as a process of its own: `server-child.ts sealane FOLDER` or `... https FOLDER`. Says its
 * port, and at each message how much processor time it has used.
 */
const [, , kind = "", folder = ""] = process.argv;

const port = kind === "sealane" ? await serveSealed() : await serveOverTls();
process.on("message", () => process.send?.({ cpuSeconds: cpuSeconds() }));
process.on("disconnect", () => process.exit(0));
process.send?.({ port });

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function serveSealed(): Promise<number> {
  const { url } = await startServer({
    folder,
    roles: ["download"],
    host: "127.0.0.1",
    port: 0,
    log: { level: "silent", destination: process.stderr },
    limits: { requestsPerMinute: 1_000_000 },
  });
  return Number(new URL(url).port);
}

/** What a web server of Node does to deliver a file: TLS 1.3 and a stream from the disk. */
async function serveOverTls(): Promise<number> {
  const file = `${folder}/file`;
  const { size } = await stat(file);
  const tls = { cert: readFileSync(`${folder}/tls.pem`), key: readFileSync(`${folder}/tls.key`), minVersion: "TLSv1.3" as const };
  const server = https.createServer(tls, (_request, response) => {
    response.writeHead(200, { "content-length": size });
    createReadStream(file, { highWaterMark: 1024 * 1024 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
