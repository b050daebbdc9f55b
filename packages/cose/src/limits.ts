/** Bytes of a protected header: ours are below 50; a certificate chain (x5chain) of four times 8,192 is the longest that may stand there. */
export const maxProtectedBytes = 33_024;

/**
 * Recipients of one COSE_Encrypt. Until it finds its own entry, each costs its reader one key agreement (0.1 ms) or one decryption with
 * an RSA key (up to 4 ms), and 100 bytes or the modulus; a larger audience has `group-broadcast`.
 */
export const maxRecipients = 64;
