/** A server as a process of its own, to be killed: `node server-process.ts FOLDER SECONDS [DATABASE-URL]`; prints its address when it listens; its clock stands. */
import { serverRoles, startServer } from "../../src/index.ts";

const [, , folder = "", seconds, databaseUrl] = process.argv;
const { url } = await startServer({
  folder,
  ...(databaseUrl === undefined ? {} : { databaseUrl }),
  roles: serverRoles,
  host: "127.0.0.1",
  port: 0,
  now: () => Number(seconds),
  log: { level: "silent", destination: process.stderr },
  limits: { linksPerMinute: 100_000, requestsPerMinute: 100_000, enrolmentsPerMinute: 100_000 },
});
process.stdout.write(`${url}\n`);
