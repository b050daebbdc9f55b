/** Bytes of a protected header: ours are below 20; a certificate chain (x5chain) is the longest that may stand there. */
export const maxProtectedBytes = 16_384;

/**
 * Recipients of one COSE_Encrypt. An entry costs its reader one key agreement (0.1 ms) until it finds its own, and 100 bytes; a
 * larger audience has `group-broadcast`.
 */
export const maxRecipients = 64;
