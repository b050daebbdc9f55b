import type { ServerResponse } from "node:http";

/**
 * Resolves when the bytes have left this process, and their memory may be used again; false when nobody takes them any more. How long a
 * client may take is the caller's to say.
 */
export async function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (response.destroyed) return false;
  return await new Promise<boolean>((resolve) => {
    const onClose = (): void => resolve(false);
    response.once("close", onClose);
    response.write(bytes, (error) => {
      response.off("close", onClose);
      resolve(error === null || error === undefined);
    });
  });
}
