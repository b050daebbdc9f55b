// Authorise: release sealed software, license it, and check both.
import { systemEnvironment as environment, hasCode } from "@sealane/link";
import { issueLicence, issueRelease, verifyAuthorisation } from "@sealane/link/authorise";
import { MemorySpool, sealContent } from "@sealane/link/content";
import { Authority, makeSigningKey } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
// Two keys in two places: who makes software releases it, who runs the shop licenses it.
const publisher = await authority.certify(makeSigningKey(), { name: "studio", purpose: "release-sign" });
const issuer = await authority.certify(makeSigningKey(), { name: "shop", purpose: "licence-sign" });
using sealed = await sealContent(new Blob(["a film"]).stream(), { spool: new MemorySpool(), environment });

const software = { artefact: sealed.artefact, module: "film", version: "1.0", sequence: 1 };
const released = await issueRelease({ ...software, publisher, environment });
const terms = { recipient: "gateway-1", lifeSeconds: 30 * 86_400, rights: ["play"] };
const licensed = await issueLicence({ ...software, ...terms, issuer, environment });

const trust = [authority.anchor];
const received = { release: released.bytes, licence: licensed.bytes };
const { release, licence } = verifyAuthorisation(received, { trust, recipient: "gateway-1", environment });
console.log(`${release.publisher} released ${release.module} ${release.version}`);
console.log(`${licence.issuer} lets ${licence.recipient} ${licence.rights.join(", ")} ${licence.module} ${licence.version}`);

try {
  verifyAuthorisation(received, { trust, recipient: "gateway-2", environment });
} catch (error) {
  if (!hasCode(error, "LICENCE_RECIPIENT_WRONG")) throw error;
  console.log(`gateway-2: ${error.entry.sentence}`);
}
