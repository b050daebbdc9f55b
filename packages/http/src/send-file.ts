import { open } from "node:fs/promises";
import type { ClientRequest } from "node:http";
import { softwareErrors, systemReason } from "@sealane/software";
import { sendBytes } from "./limits.ts";

/** A file as the body of a request. */
export interface FileBody {
  readonly path: string;
  readonly bytes: number;
  /** Called with the number of bytes sent so far. */
  readonly onSent: (bytes: number) => void;
}

/** Sends a file until it ends or the server answers before: then its answer says what is wrong. Error: FILE_READ_FAILED. */
export async function sendFile(request: ClientRequest, file: FileBody, answered: Promise<unknown>): Promise<void> {
  try {
    await sendPieces(request, file, answered);
  } catch (cause) {
    request.destroy();
    throw softwareErrors.error("FILE_READ_FAILED", { file: file.path, reason: systemReason(cause) ?? "unknown" }, cause);
  }
}

async function sendPieces(request: ClientRequest, file: FileBody, answered: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  const over = (): void => {
    isAnswered = true;
  };
  answered.then(over, over);
  await using handle = await open(file.path, "r");
  const buffer = Buffer.allocUnsafeSlow(sendBytes);
  for (let sent = 0; !isAnswered; ) {
    const { bytesRead } = await handle.read(buffer, 0, sendBytes, sent);
    if (bytesRead === 0) break;
    const written = new Promise<void>((resolve) => request.write(buffer.subarray(0, bytesRead), () => resolve()));
    await Promise.race([written, answered.catch(() => undefined)]);
    sent += bytesRead;
    file.onSent(sent);
  }
  request.end();
}
