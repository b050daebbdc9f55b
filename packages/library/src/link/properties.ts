import type { Suite, SuiteName } from "@sealane/crypto";
import { mechanismNamed } from "@sealane/link";
import type { Name } from "@sealane/wire";
import type { MechanismName } from "../mechanism.ts";

/** What a link is and promises. */
export interface LinkProperties {
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  /** "public" where anyone can obtain the key: such a link proves origin and keeps nothing secret. */
  readonly grade: "confidential" | "public";
  /** Who is not named: nobody, the originator, the recipients of a broadcast; "outsiders" learn neither name, both parties do. */
  readonly anonymous: "no" | "originator" | "recipient" | "outsiders";
  /** Whether what was recorded stays secret when long-lived keys are stolen later: all of them, or the originator's only. */
  readonly forwardSecret: "no" | "yes" | "originator";
  /** What it promises, in words for people. */
  readonly promise: string;
  /** Who else could read, in words for people. */
  readonly readers: string;
}

const unnamed = "an unnamed party";

/** The properties of a link between these parties, or of a broadcast by its originator. */
export function propertiesOf(
  link: { readonly mechanism: MechanismName; readonly suite: Suite },
  parties: { readonly originator: Name | null; readonly recipient: Name | null },
): LinkProperties {
  const { name, grade, anonymous, forwardSecret, promise, readers } = mechanismNamed(link.mechanism);
  const named = (sentence: string): string =>
    sentence.replaceAll("{originator}", parties.originator ?? unnamed).replaceAll("{recipient}", parties.recipient ?? unnamed);
  const suite = link.suite.name;
  return { mechanism: name, suite, grade, anonymous, forwardSecret, promise: named(promise), readers: named(readers) };
}
