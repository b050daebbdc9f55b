/**
 * The forms of M3 of `mutual-agreement`: how the originator vouches for software and licence.
 *
 * ```text
 * signed             Eq 16        S_A(E_k(software, LC))
 * unsigned           variant i    E_k(software, LC), and the originator's confirmation
 * signed-beside      variant ii   E_k(software, LC), S_A(E_k(software, LC))
 * licence-signed     variant iii  E_k(software), S_A(LC)
 * licence-encrypted  variant iii  E_k(software), S_A(E_k(LC))
 * ```
 */
export const thirdModes = ["signed", "unsigned", "signed-beside", "licence-signed", "licence-encrypted"] as const;
export type ThirdMode = (typeof thirdModes)[number];

/** What a recipient accepts unless told: every form that proves who vouches for the software. */
export const signedThirdModes: readonly ThirdMode[] = thirdModes.filter((mode) => mode !== "unsigned");
