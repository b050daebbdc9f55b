import { defaultDeliveryPolicy } from "@sealane/api";
import type { MechanismName } from "@sealane/link";
import { stringify } from "yaml";

/** Where `server run` looks for its configuration, in the server's folder. */
export const configName = "server.yaml";

/** The configuration that `init` writes: what was chosen, and where to read on. */
export function firstConfig(chosen: {
  readonly url: string;
  readonly database?: string;
  readonly passwordFile: string | undefined;
  /** Mechanisms by which applications and content are delivered beside the usual ones. */
  readonly allow?: readonly MechanismName[];
}): string {
  const { url, database, passwordFile, allow = [] } = chosen;
  const { application, content: ofContent } = defaultDeliveryPolicy;
  const content = {
    public_url: url,
    ...(database === undefined
      ? {}
      : { database: { url: database, ...(passwordFile === undefined ? {} : { password_file: passwordFile }) } }),
    ...(allow.length === 0 ? {} : { policy: { application: withThem(application, allow), content: withThem(ofContent, allow) } }),
  };
  return `# What may stand here: sealane server config --schema\n${stringify(content)}`;
}

function withThem(usual: readonly MechanismName[], more: readonly MechanismName[]): readonly MechanismName[] {
  return [...new Set([...usual, ...more])];
}
