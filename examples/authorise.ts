// Authorise: issue a licence for sealed content, and check it.
import { systemEnvironment as environment, hasCode } from "@sealane/link";
import { issueLicence, verifyLicence } from "@sealane/link/authorise";
import { MemorySpool, sealContent } from "@sealane/link/content";
import { Authority, makeSigningKey } from "@sealane/link/identity";

const authority = await Authority.create({ name: "example-authority", environment });
const issuer = await authority.certify(makeSigningKey(), { name: "studio", purpose: "licence-sign" });
using sealed = await sealContent(new Blob(["a film"]).stream(), { spool: new MemorySpool(), environment });

const { bytes } = await issueLicence({
  issuer,
  artefact: sealed.artefact,
  recipient: "gateway-1",
  module: "film",
  version: "1.0",
  sequence: 1,
  lifeSeconds: 30 * 86_400,
  rights: ["play"],
  environment,
});

const trust = [authority.anchor];
const licence = verifyLicence(bytes, { trust, recipient: "gateway-1", environment });
console.log(`${licence.issuer} lets ${licence.recipient} ${licence.rights.join(", ")} ${licence.module} ${licence.version}`);

try {
  verifyLicence(bytes, { trust, recipient: "gateway-2", environment });
} catch (error) {
  if (!hasCode(error, "LICENCE_RECIPIENT_WRONG")) throw error;
  console.log(`gateway-2: ${error.entry.sentence}`);
}
