/** Bytes of a key file: an encrypted RSA 4096 or ML-DSA-65 key takes about 4,000. */
export const maxKeyFileBytes = 16_384;

/** Characters of a key's id, which is also a file name and a token's label. */
export const maxKeyIdLength = 64;

/** Modes of key files and of a folder that is made for them: for the owner only. */
export const keyFileMode = 0o600;
export const keyFolderMode = 0o700;

/** Bytes of a token's PIN; tokens take 4 to 64 or so, SoftHSM 255. */
export const maxPinBytes = 255;

/** Characters of a `pkcs11:` URI. */
export const maxTokenUriLength = 2_048;

/** Random bytes by which the labels of one owner's keys differ from those of every other in a token. */
export const ownNameBytes = 4;
