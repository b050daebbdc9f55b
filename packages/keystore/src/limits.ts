/** Bytes of a key file: an encrypted RSA 4096 or ML-DSA-65 key takes about 4,000. */
export const maxKeyFileBytes = 16_384;

/** Characters of a key's id, which is also a file name and a token's label. */
export const maxKeyIdLength = 64;

/** Modes of key files and of a folder that is made for them: for the owner only. */
export const keyFileMode = 0o600;
export const keyFolderMode = 0o700;
