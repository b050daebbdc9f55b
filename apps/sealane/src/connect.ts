import { stateFolder } from "@sealane/cli";
import { OperatorClient } from "./operator-client.ts";
import { loadOperatorToken, loadProfile, type OperatorFolder, operatorFolder, type Profile } from "./profile.ts";

/** An operator's connection to the server of its profile. */
export interface Connection {
  readonly folder: OperatorFolder;
  readonly profile: Profile;
  readonly client: OperatorClient;
}

/** Opens the profile below `state`. Errors: PROFILE_MISSING, PROFILE_DAMAGED, PROFILE_URL_EXPOSED. */
export async function connect(state: string | undefined): Promise<Connection> {
  const folder = operatorFolder(stateFolder("sealane", state));
  const profile = await loadProfile(folder);
  const token = await loadOperatorToken(folder);
  return { folder, profile, client: new OperatorClient({ url: profile.url, token }) };
}
