import { leastRateSeconds } from "../limits.ts";

/**
 * Cuts off a client that takes less than so many bytes a second of a long reply, judged in windows of {@link leastRateSeconds}, until it is
 * disposed of. Whoever falls below the rate is cut off within two windows.
 */
export function cutOffSlowReader(
  response: { readonly socket: unknown; readonly destroy: () => unknown },
  leastBytesPerSecond: number,
): Disposable {
  const { socket } = response;
  let before = takenBytes(socket);
  const timer = setInterval(() => {
    const taken = takenBytes(socket);
    if (taken - before < leastBytesPerSecond * leastRateSeconds) response.destroy();
    before = taken;
  }, leastRateSeconds * 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * Bytes that the system has taken from a socket. `socket.bytesWritten` does not tell: it counts a piece of 1 MiB when it is handed over,
 * and its callback comes with the last byte. What of it still waits only the handle knows; that of TLS stands on the one that sends. Node
 * has no public way to this number, and ends idle sockets by it itself.
 */
function takenBytes(socket: unknown): number {
  let handle = memberOf(socket, "_handle");
  for (let parent = handle; parent !== undefined && parent !== null; parent = memberOf(parent, "_parent")) handle = parent;
  const [written, waiting] = [memberOf(handle, "bytesWritten"), memberOf(handle, "writeQueueSize")];
  return typeof written === "number" && typeof waiting === "number" ? written - waiting : 0;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
