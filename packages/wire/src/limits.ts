/** Nesting of arrays, maps and tags that any Sealane structure needs is below 10; 16 leaves room and bounds the decoder's stack. */
export const maxDepth = 16;

/** Items (array elements, map keys and values) in one structure: bounds what a decoder allocates for a small message of tiny items. */
export const maxItems = 65_536;

/** Bytes of a name: the value of a SAN URI `urn:sealane:...` (docs/protocol.md, names). */
export const maxNameBytes = 128;

/** CBOR tags that may occur: COSE_Encrypt0, COSE_Mac0, COSE_Sign1 (RFC 9052), CWT (RFC 8392), COSE_Encrypt. */
export const allowedTags = [16, 17, 18, 61, 96] as const;

/** Bytes of the encoder's scratch memory: a message with its certificates fits; what is larger gets memory of its own. */
export const scratchBytes = 4096;
