/** The same bytes without what Node's Buffer adds: its `slice` and `toString` do other things than those of Uint8Array. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
