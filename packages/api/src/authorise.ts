import { maxLicenceBytes, maxReleaseBytes } from "@sealane/link";
import { maxOrderBytes, type SoftwareDescription, softwareDescriptionCodec } from "@sealane/software";
import { type ArtefactId, artefactId, byteString, bytesAs, type Codec, listOf, nullable, text, tuple, uint, variants } from "@sealane/wire";
import { type GivenMembership, givenMembershipCodec } from "./group-record.ts";
import { maxGivenEpochs, maxGroupsPerTerminal, maxInstalled, maxModelBytes, maxOffers } from "./limits.ts";

/** What travels as records on a link: what is on offer, release and licence with the wrapped content key, and orders. */

/** One module that a terminal has installed. */
export interface InstalledModule {
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
}

const installedModuleCodec: Codec<InstalledModule> = tuple<InstalledModule>({
  module: text(maxModelBytes),
  version: text(maxModelBytes),
  sequence: uint(),
});

export const installedModulesCodec: Codec<readonly InstalledModule[]> = listOf(installedModuleCodec, { max: maxInstalled });

/** A record from the terminal. */
export type TerminalRequest =
  | {
      /** What is there for me, of this module or of any? */
      readonly kind: "offers";
      readonly module: string | null;
      readonly installed: readonly InstalledModule[];
    }
  | {
      /** The release, a licence and the content key of this artefact, please. */
      readonly kind: "authorise";
      readonly artefactId: ArtefactId;
    }
  | {
      /** What terminals asked before releases travelled to them; it is refused with API_TERMINAL_OLD. */
      readonly kind: "licence";
      readonly artefactId: ArtefactId;
    }
  | {
      /** The secrets of the groups that I am a member of, please. */
      readonly kind: "groups";
    }
  | {
      /** The next order for me, please: that with the lowest number above this one. */
      readonly kind: "order";
      readonly after: number;
    };

export const terminalRequestCodec: Codec<TerminalRequest> = variants<TerminalRequest>({
  offers: { module: nullable(text(maxModelBytes)), installed: installedModulesCodec },
  authorise: { artefactId: bytesAs(artefactId) },
  licence: { artefactId: bytesAs(artefactId) },
  groups: {},
  order: { after: uint() },
});

/** A record from the server. */
export type ServerReply =
  | {
      /** Newest release of each module that fits the terminal's model. */
      readonly kind: "offers";
      readonly offers: readonly SoftwareDescription[];
      /** The server's clock, by which a terminal judges its own (FCLOCK). */
      readonly nowSeconds: number;
      /** The highest number of an order for this terminal that is not over; 0 where there is none, or the terminal has no name. */
      readonly newestOrder: number;
    }
  | {
      readonly kind: "authorised";
      /** The publisher's release, as it was published. */
      readonly release: Uint8Array;
      readonly licence: Uint8Array;
      /** The content key, wrapped under the link for this licence (`ConfidentialLink.wrap`). */
      readonly wrap: Uint8Array;
    }
  | {
      readonly kind: "groups";
      readonly memberships: readonly GivenMembership[];
    }
  | {
      readonly kind: "order";
      /** Its number, outside the order for a terminal that cannot read it; 0 where there is none. */
      readonly number: number;
      /** As the operator signed it; null where there is none. */
      readonly order: Uint8Array | null;
    }
  | {
      /** An error code of package api; the link stays usable. */
      readonly kind: "refused";
      readonly code: string;
    };

export const serverReplyCodec: Codec<ServerReply> = variants<ServerReply>({
  offers: { offers: listOf(softwareDescriptionCodec, { max: maxOffers }), nowSeconds: uint(), newestOrder: uint() },
  authorised: {
    release: byteString({ min: 1, max: maxReleaseBytes }),
    licence: byteString({ min: 1, max: maxLicenceBytes }),
    wrap: byteString({ min: 1, max: 256 }),
  },
  groups: { memberships: listOf(givenMembershipCodec, { max: maxGroupsPerTerminal * maxGivenEpochs }) },
  order: { number: uint(), order: nullable(byteString({ min: 1, max: maxOrderBytes })) },
  refused: { code: text(64) },
});
