// Identity: make keys, have them certified, prove a certificate.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemEnvironment as environment } from "@sealane/link";
import { Authority, FileKeyStore, openKeys, trustAnchor, verifyCertificate } from "@sealane/link/identity";

const folder = await mkdtemp(join(tmpdir(), "identity-"));

// The authority of a small deployment. Its own key could be in a store too: `key: await store.signingKey("authority")`.
const authority = await Authority.create({ name: "example-authority", environment });

// Keys that stay in files of mode 0600; the second run finds those of the first.
const keys = await openKeys(new FileKeyStore(folder), "gateway-1");
const gateway = await authority.issueIdentity(keys, { name: "gateway-1", role: "terminal" });

// Somebody else, who got the authority's certificate by one way and its fingerprint by another.
const trust = [trustAnchor(authority.anchor.der, { fingerprint: authority.anchor.thumbprint })];
const [signing] = gateway.signing; // one for each kind of key that its suites sign with
const proven = verifyCertificate(signing?.certificate.chain ?? [], { trust, purpose: "terminal-sign", environment });

console.log(`${proven.name} may do: ${proven.purpose}`);
