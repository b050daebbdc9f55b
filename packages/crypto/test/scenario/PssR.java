import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.engines.RSAEngine;
import org.bouncycastle.crypto.params.ParametersWithSalt;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.params.RSAPrivateCrtKeyParameters;
import org.bouncycastle.crypto.signers.ISO9796d2PSSSigner;
import org.bouncycastle.util.encoders.Hex;

/**
 * Bouncy Castle's ISO/IEC 9796-2, scheme 2, with SHA-256, 32-byte salts and the implicit trailer. Reads a command a line, its
 * arguments in hex ("-" for none), and answers each with a line:
 *
 *   key NAME n e d p q dp dq qInv   "key"
 *   sign NAME salt M1 M2            the signature
 *   recover NAME signature M2       "ok M1" or "refused"
 *   verify NAME signature message   "ok" or "refused": the message whole, M1 and M2 in a row
 */
public final class PssR {
  private static final int SALT_BYTES = 32;
  private static final Map<String, RSAKeyParameters> publicKeys = new HashMap<>();
  private static final Map<String, RSAPrivateCrtKeyParameters> privateKeys = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    PrintStream out = new PrintStream(System.out, false);
    for (String line = in.readLine(); line != null; line = in.readLine()) out.println(answer(line.split(" ")));
    out.flush();
  }

  private static String answer(String[] words) throws Exception {
    String name = words[1];
    switch (words[0]) {
      case "key": {
        BigInteger[] n = new BigInteger[words.length];
        for (int i = 2; i < words.length; i++) n[i] = new BigInteger(words[i], 16);
        publicKeys.put(name, new RSAKeyParameters(false, n[2], n[3]));
        privateKeys.put(name, new RSAPrivateCrtKeyParameters(n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9]));
        return "key";
      }
      case "sign":
        return sign(name, bytes(words[2]), bytes(words[3]), bytes(words[4]));
      case "recover":
        return recover(name, bytes(words[2]), bytes(words[3]));
      case "verify":
        return verify(name, bytes(words[2]), bytes(words[3]));
      default:
        throw new IllegalArgumentException(words[0]);
    }
  }

  /**
   * The signer puts what it is given into M1 until that is full, and hashes the rest. An M1 that fills the block, or an empty M2, is
   * signed by this interface. Where M1 is short and M2 is not empty, M2 goes directly into the digest that the signer was made with:
   * it is what the signer itself does with M2, and it has hashed nothing else before it makes the signature.
   */
  private static String sign(String name, byte[] salt, byte[] first, byte[] second) throws Exception {
    SHA256Digest digest = new SHA256Digest();
    ISO9796d2PSSSigner signer = new ISO9796d2PSSSigner(new RSAEngine(), digest, SALT_BYTES, true);
    signer.init(true, new ParametersWithSalt(privateKeys.get(name), salt));
    signer.update(first, 0, first.length);
    int capacity = privateKeys.get(name).getModulus().bitLength() / 8 - 2 * SALT_BYTES - 2;
    if (first.length == capacity) signer.update(second, 0, second.length);
    else digest.update(second, 0, second.length);
    return Hex.toHexString(signer.generateSignature());
  }

  /** Given the signature first, the signer recovers M1 from it and takes everything that follows for M2. */
  private static String recover(String name, byte[] signature, byte[] second) {
    ISO9796d2PSSSigner signer = new ISO9796d2PSSSigner(new RSAEngine(), new SHA256Digest(), SALT_BYTES, true);
    signer.init(false, publicKeys.get(name));
    try {
      signer.updateWithRecoveredMessage(signature);
      signer.update(second, 0, second.length);
      return signer.verifySignature(signature) ? "ok " + hex(signer.getRecoveredMessage()) : "refused";
    } catch (Exception wrong) { // a trailer, a length or a number that it does not take
      return "refused";
    }
  }

  private static String verify(String name, byte[] signature, byte[] message) {
    ISO9796d2PSSSigner signer = new ISO9796d2PSSSigner(new RSAEngine(), new SHA256Digest(), SALT_BYTES, true);
    signer.init(false, publicKeys.get(name));
    signer.update(message, 0, message.length);
    try {
      return signer.verifySignature(signature) ? "ok" : "refused";
    } catch (Exception wrong) {
      return "refused";
    }
  }

  private static byte[] bytes(String word) {
    return word.equals("-") ? new byte[0] : Hex.decode(word);
  }

  private static String hex(byte[] bytes) {
    return bytes.length == 0 ? "-" : Hex.toHexString(bytes);
  }
}
