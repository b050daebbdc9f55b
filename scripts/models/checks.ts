/** What is asked of each model: which form of it, by which defines, and what the checker has to find there. */

/** The properties of models/vocabulary.pml; HONEST_RUN is "violated" by two honest ends that establish a link. */
type Property = "AGREEMENT" | "COMPLETION" | "SECRECY" | "SEPARATION" | "POSSESSION" | "IDENTITY" | "STRENGTH" | "HONEST_RUN";

export type Model = "mutual-nonce" | "signed-transport" | "mutual-certified" | "mutual-agreement" | "enrolment";

export interface Check {
  readonly model: Model;
  /** The form in words. */
  readonly form: string;
  /** Preprocessor defines of spin, which make that form. */
  readonly defines: readonly string[];
  /** The properties that are looked at, one if an attack is expected; none stands for all of them. */
  readonly properties: readonly Property[];
  /** `run`: an attack on HONEST_RUN, that is, no attack at all. */
  readonly expected: "attack" | "nothing" | "run";
}

type Form = readonly [form: string, defines: string];

/**
 * All checks, by model: the forms as printed, in which an attack must be found; the repaired form, in which nothing may be found, with an
 * honest run as proof that something happens in it; and forms that lack repairs. Where a repair is missing alone and nothing is found,
 * another does its work: the form that lacks both follows.
 */
export const checks: readonly Check[] = [
  ...of("enrolment", [
    attack("STRENGTH", ["as it was", "FORMER"]),
    attack("AGREEMENT", ["as it was", "FORMER"]),
    attack("SECRECY", ["as it was", "FORMER"]),
    nothing(["as built", ""]),
    run(["as built", ""]),
    nothing(["as built, key of requests stolen", "STOLEN_ENROL"], ["AGREEMENT", "STRENGTH"]),
    attack("IDENTITY", ["as built, key of requests stolen", "STOLEN_ENROL"]),
    attack("SECRECY", ["as built, key of requests stolen", "STOLEN_ENROL"]),
    nothing(["without the server's signature", "WITHOUT_SIGNATURE"]),
    nothing(["without the reply key", "WITHOUT_REPLY_KEY"]),
    attack("AGREEMENT", ["without signature and reply key", "WITHOUT_SIGNATURE WITHOUT_REPLY_KEY"]),
    attack("AGREEMENT", ["without signature, key of requests stolen", "WITHOUT_SIGNATURE STOLEN_ENROL"]),
    attack("AGREEMENT", ["without H(R) signed, key of requests stolen", "WITHOUT_REQUEST_DIGEST STOLEN_ENROL"]),
    attack("STRENGTH", ["without the view in the proof", "WITHOUT_PROVEN_VIEW"]),
    attack("SECRECY", ["reply and proof in clear", "WITHOUT_ENCRYPTION"]),
  ]),
  ...of("mutual-nonce", [
    attack("AGREEMENT", ["printed", "PRINTED"]),
    attack("SECRECY", ["printed", "PRINTED"]),
    nothing(["repaired", ""]),
    run(["repaired", ""]),
    nothing(["without the names in M2 and M3", "WITHOUT_NAMES"]),
    nothing(["without H(M1) in M2, H(M1, M2) in M3", "WITHOUT_HASHES"]),
    attack("AGREEMENT", ["without names and hashes", "WITHOUT_NAMES WITHOUT_HASHES"]),
    attack("SECRECY", ["repaired, A's key stolen", "STOLEN=A"]),
  ]),
  ...of("signed-transport", [
    attack("AGREEMENT", ["printed", "PRINTED"]),
    attack("SEPARATION", ["printed, with B and T_A", "PRINTED WITH_OPTIONS"]),
    nothing(["repaired", ""]),
    run(["repaired", ""]),
    attack("AGREEMENT", ["without the recipient signed", "WITHOUT_RECIPIENT_SIGNED"]),
    attack("SECRECY", ["k signed, not a digest of it", "WITHOUT_DIGEST"]),
    attack("COMPLETION", ["answer without confirmation", "WITHOUT_ANSWER_CONFIRMATION"]),
    attack("COMPLETION", ["first record without confirmation", "WITHOUT_ORIGINATOR_CONFIRMATION"]),
    nothing(["answer without salt", "WITHOUT_SALT"]),
    nothing(["without replay cache", "WITHOUT_CACHE"]),
    attack("SEPARATION", ["without salt and replay cache", "WITHOUT_SALT WITHOUT_CACHE"]),
  ]),
  ...of("mutual-certified", [
    attack("POSSESSION", ["printed, one-way", "PRINTED ONE_WAY"]),
    attack("POSSESSION", ["printed, two-way", "PRINTED TWO_WAY"]),
    attack("AGREEMENT", ["printed, two-way", "PRINTED TWO_WAY"]),
    attack("COMPLETION", ["printed, two-way", "PRINTED TWO_WAY"]),
    nothing(["repaired, either way", ""]),
    run(["repaired, one-way", "ONE_WAY"]),
    run(["repaired, two-way", "TWO_WAY"]),
    attack("POSSESSION", ["without the name in P", "WITHOUT_NAME_ENCRYPTED"]),
    attack("AGREEMENT", ["without the way signed", "WITHOUT_WAY_SIGNED"]),
    attack("COMPLETION", ["two-way, first record without confirmation", "WITHOUT_ORIGINATOR_CONFIRMATION TWO_WAY"]),
    attack("COMPLETION", ["one-way, answer without confirmation", "WITHOUT_ANSWER_CONFIRMATION ONE_WAY"]),
    nothing(["two-way, without R_A in M2", "WITHOUT_ECHO TWO_WAY"]),
    nothing(["two-way, without H(M1) in M2", "WITHOUT_HASH TWO_WAY"]),
    attack("AGREEMENT", ["two-way, without R_A and H(M1) in M2", "WITHOUT_ECHO WITHOUT_HASH TWO_WAY"]),
    nothing(["one-way, answer without salt", "WITHOUT_SALT ONE_WAY"]),
    nothing(["one-way, without replay cache", "WITHOUT_CACHE ONE_WAY"]),
    attack("SEPARATION", ["one-way, without salt and replay cache", "WITHOUT_SALT WITHOUT_CACHE ONE_WAY"]),
    nothing(["repaired, two-way, A's key stolen", "STOLEN=A TWO_WAY"]),
  ]),
  ...of("mutual-agreement", [
    attack("SECRECY", ["printed, with B in M2", "PRINTED WITH_OPTIONS"]),
    attack("IDENTITY", ["printed, shares checked", "PRINTED WITH_VALIDATION"]),
    attack("POSSESSION", ["printed, with B in M2, shares checked", "PRINTED WITH_OPTIONS WITH_VALIDATION"]),
    nothing(["repaired", ""]),
    nothing(["repaired, variant i", "UNSIGNED"]),
    run(["repaired", ""]),
    attack("AGREEMENT", ["without N_A", "WITHOUT_NONCE"]),
    nothing(["without N_A", "WITHOUT_NONCE"], ["SECRECY"]),
    attack("IDENTITY", ["without checks of shares", "WITHOUT_VALIDATION"]),
    nothing(["without checks of shares", "WITHOUT_VALIDATION"], ["SECRECY", "COMPLETION"]),
    attack("SECRECY", ["without N_A and checks of shares", "WITHOUT_NONCE WITHOUT_VALIDATION"]),
    attack("COMPLETION", ["variant i, without checks of shares", "UNSIGNED WITHOUT_VALIDATION"]),
    nothing(["with a share signed in clear", "WITH_SHARE_IN_SIGNATURE"]),
    attack("SECRECY", ["without N_A, share signed in clear", "WITH_SHARE_IN_SIGNATURE WITHOUT_NONCE"]),
    nothing(["without B in M2", "WITHOUT_B_IN_M2"]),
    nothing(["without H(M1) in M2", "WITHOUT_HASH"]),
    attack("IDENTITY", ["without B and H(M1) in M2", "WITHOUT_B_IN_M2 WITHOUT_HASH"]),
    attack("COMPLETION", ["without the recipient's confirmation", "WITHOUT_CONFIRMATION"]),
    attack("POSSESSION", ["variant i, th not in the key", "UNSIGNED WITHOUT_TRANSCRIPT"]),
    nothing(["th not in the key", "WITHOUT_TRANSCRIPT"]),
    nothing(["S_A(LC) in place of S_A(A, B, th)", "WITHOUT_LINK_SIGNED"]),
    attack("COMPLETION", ["S_A(LC), without checks of shares", "WITHOUT_LINK_SIGNED WITHOUT_VALIDATION"]),
    nothing(["repaired, A's key stolen", "STOLEN=A"], ["SECRECY", "COMPLETION"]),
  ]),
];

type Asked = Omit<Check, "model">;

function of(model: Model, asked: readonly Asked[]): Check[] {
  return asked.map((each) => ({ model, ...each }));
}

function attack(property: Property, form: Form): Asked {
  return { ...formOf(form), properties: [property], expected: "attack" };
}

function nothing(form: Form, properties: readonly Property[] = []): Asked {
  return { ...formOf(form), properties, expected: "nothing" };
}

function run(form: Form): Asked {
  return { ...formOf(form), properties: ["HONEST_RUN"], expected: "run" };
}

function formOf([form, defines]: Form): Pick<Check, "form" | "defines"> {
  return { form, defines: defines === "" ? [] : defines.split(" ") };
}
