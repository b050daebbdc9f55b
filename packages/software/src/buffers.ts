/**
 * Memory for bulk work. Node frees a buffer when the collector comes round; at a gigabyte a second that is too late, and the
 * allocator spends the time on mapping and unmapping pages. Measured: without these two the system time of sealing doubles.
 */

/**
 * What glibc's allocator is made to take as the size from which on it maps pages for each block: above the largest segment, and no
 * more, for it keeps twice as much when it is freed.
 */
const settlingBytes = 8 * 1024 * 1024;

let settled = false;

/** Makes the allocator keep blocks of a segment's size: to be called before a loop over segments; works once a process. */
export function settleAllocator(): void {
  if (settled) return;
  settled = true;
  new ArrayBuffer(settlingBytes).transfer(0);
}

/** Gives memory back at once. `bytes` is empty afterwards; a view of a part of something larger is left alone. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (bytes.byteLength === 0) return;
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength === bytes.byteLength) buffer.transfer(0);
}
