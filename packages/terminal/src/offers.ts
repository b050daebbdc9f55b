import type { SoftwareDescription } from "@sealane/software";
import { type ArtefactId, equalBytes } from "@sealane/wire";
import { highestOf, type LocalModule } from "./installed-modules.ts";
import { isFolderName } from "./state-folder.ts";

/** What is wanted of what is on offer. */
export interface Wanted {
  /** One module, or any. */
  readonly module: string | undefined;
  readonly model: string;
  readonly modules: readonly LocalModule[];
  /** Modules that are not wanted. */
  readonly except?: { has(module: string): boolean };
  /** One artefact and no other: the user has named its file. */
  readonly artefact?: ArtefactId | null;
  /** Artefacts, hex, that are here already: their turn comes last, so that they keep no other module away. */
  readonly here?: ReadonlySet<string>;
}

/** The offer to be taken, and the newest ones of other modules. */
export interface Chosen {
  readonly description: SoftwareDescription;
  readonly alsoOffered: readonly SoftwareDescription[];
}

/**
 * Chooses the newest offer that fits this terminal and is newer than anything that was installed; the first module by name when
 * several have one, of those that are not here yet if there are any. Null when there is none.
 */
export function chooseOffer(offers: readonly SoftwareDescription[], wanted: Wanted): Chosen | null {
  const newest = new Map<string, SoftwareDescription>();
  for (const offer of offers.filter((each) => isWanted(each, wanted))) {
    if (offer.sequence > (newest.get(offer.module)?.sequence ?? -1)) newest.set(offer.module, offer);
  }
  const turnOf = ({ artefactId }: SoftwareDescription): number => (wanted.here?.has(artefactId.toHex()) === true ? 1 : 0);
  const inOrder = [...newest.values()].sort((a, b) => turnOf(a) - turnOf(b) || (a.module < b.module ? -1 : 1));
  const [description, ...alsoOffered] = inOrder;
  return description === undefined ? null : { description, alsoOffered };
}

function isWanted({ module, models, sequence, artefactId }: SoftwareDescription, wanted: Wanted): boolean {
  if (wanted.except?.has(module) === true || !equalBytes(artefactId, wanted.artefact ?? artefactId)) return false;
  if ((wanted.module ?? module) !== module || !isFolderName(module)) return false;
  return (models.length === 0 || models.includes(wanted.model)) && sequence > highestOf(wanted.modules, module);
}
