import { BlockList, isIPv4, isIPv6, SocketAddress } from "node:net";

/**
 * What counts as one address where strangers are bounded: an IPv4 address, also where a socket shows it as an IPv6 one (RFC 4291,
 * section 2.5.5.2), and of IPv6 the first 64 bits, which one household or one machine has all of (RFC 6177).
 */
export function addressGroupOf(address: string): string {
  const [plain = ""] = address.split("%", 1); // without the zone of a link-local address
  if (!isIPv6(plain)) return plain;
  const canonical = new SocketAddress({ address: plain, family: "ipv6" }).address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1];
  if (mapped !== undefined) return mapped;
  const [left = "", right = ""] = canonical.split("::");
  const before = wordsOf(left);
  const after = wordsOf(right);
  const zeros = canonical.includes("::") ? Array.from({ length: 8 - before.length - after.length }, () => "0") : [];
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}

/** 16-bit words of one side of `::`; an IPv4 address at the end is two of them. */
function wordsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(":").flatMap((word) => (word.includes(".") ? ["v4", "v4"] : [word]));
}

/** Networks by the names that a list of proxies may use. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.1/8", "::1/128"],
  linklocal: ["169.254.0.0/16", "fe80::/10"],
  uniquelocal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/** Whether an address is one of these addresses and networks (`10.0.0.0/8`). */
export function isAmong(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const each of networks.flatMap((name) => named[name] ?? [name])) {
    const [address = "", bits] = each.split("/", 2);
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}
