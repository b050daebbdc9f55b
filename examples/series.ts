// Series: session keys that both parties derive in step, and keys exported for other uses.
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { certificatesOf, systemEnvironment as environment, KeySeries, MemoryPendingStates, MemoryReplayCache, Party } from "@sealane/link";
import { Authority, makeKeys } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const { clock } = environment;
const stores = () => ({ replay: new MemoryReplayCache(clock), pending: new MemoryPendingStates(clock) });
const trust = [authority.anchor];
const office = await authority.issueIdentity(makeKeys(), { name: "office", role: "server" });
const gateway = await authority.issueIdentity(makeKeys(), { name: "gateway-1", role: "terminal" });
const here = new Party({ identity: office, trust, environment, ...stores() });
const there = new Party({ identity: gateway, trust, environment, ...stores() });

const { message } = await here.originate(certificatesOf(gateway));
const accepted = await there.accept(message);
const { link: sender } = await here.receive(accepted.reply);
const { link: receiver } = accepted.link.confirm(sender.seal(new Uint8Array(0)));

// A key for each frame. The series is saved, encrypted, before its key is used: no key is ever used twice.
using sending = sender.series();
using receiving = receiver.series();
const frames = ["one", "two", "three"].map((text) => {
  const { index, key } = sending.next();
  using _ = key;
  using saved = sending.save();
  return { index, saved: saved.length, ...key.use((bytes) => encrypt(bytes, text)) };
});

// Lost frames do not matter, up to 64 of them; one that was forged, or comes twice, is refused and changes nothing.
for (const { index, ciphertext, tag } of frames.filter((frame) => frame.index !== 1)) {
  console.log(`${index}: ${receiving.use(index, (key) => decrypt(key, { ciphertext, tag }))}`);
}
using copy = receiving.save();
using restarted = KeySeries.load(copy, clock);
console.log(`after a restart the next one is ${restarted.index}`);

// A key for something else, which both parties can make at any time while the link lives.
const marks = [sender, receiver].map((link) => {
  using key = link.exportKey({ label: "example.org receipts", context: new TextEncoder().encode("2027") });
  return key.use((bytes) => createHmac("sha256", bytes).update("paid").digest("hex"));
});
console.log(marks[0] === marks[1] ? "both exported the same key" : "different keys");

function encrypt(key: Uint8Array, text: string): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv("aes-256-gcm", key, new Uint8Array(12)); // one message a key: the nonce may be fixed
  return { ciphertext: Buffer.concat([cipher.update(text), cipher.final()]), tag: cipher.getAuthTag() };
}

function decrypt(key: Uint8Array, { ciphertext, tag }: { ciphertext: Buffer; tag: Buffer }): string {
  const decipher = createDecipheriv("aes-256-gcm", key, new Uint8Array(12)).setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString();
}
