import type { ServerResponse } from "node:http";

/**
 * Resolves when the bytes have left this process, and their memory may be used again; false when nobody takes them any more. A client
 * that takes longer than `withinSeconds` is cut off.
 */
export async function write(response: ServerResponse, bytes: Uint8Array, withinSeconds: number): Promise<boolean> {
  if (response.destroyed) return false;
  const stall = setTimeout(() => response.destroy(), withinSeconds * 1000);
  return await new Promise<boolean>((resolve) => {
    const onClose = (): void => resolve(false);
    response.once("close", onClose);
    response.write(bytes, (error) => {
      response.off("close", onClose);
      resolve(error === null || error === undefined);
    });
  }).finally(() => clearTimeout(stall));
}
