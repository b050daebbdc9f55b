/* How the messages of mutual-agreement.pml look in a trail. E[k] stands for a key made of the secret k, confirmation[k] for a confirmation made of it. */

inline sayShare(share) {
  if
  :: share == DEGENERATE -> printf("1")
  :: else -> printf("g^%c%d", named(share))
  fi
}

inline saySecret(own, share) {
  if
  :: share == DEGENERATE -> printf("1")
  :: else -> printf("g^%c%d%c%d", named(own), named(share))
  fi
}

inline sayM1(from, to, share, t) {
  printf("M1 = P_%c(", letter(to));
#ifndef PRINTED
  printf("%c, %c, ", letter(from), letter(to));
#endif
  sayShare(share);
#ifdef PRINTED
  printf(", %c, T%d)\n", letter(from), t)
#else
  printf(", T%d, N%d)\n", t, t)
#endif
}

inline sayM2(from, to, share, t) {
  printf("M2 = P_%c(", letter(to));
#ifndef WITHOUT_B_IN_M2
  printf("%c, ", letter(from));
#endif
#ifndef PRINTED
  printf("%c, ", letter(to));
#endif
  sayShare(share);
  printf(", T%d", t);
#ifndef WITHOUT_NONCE
  printf(", N%d", t);
#endif
  printf(", T");
#ifndef WITHOUT_HASH
  printf(", H(M1)");
#endif
  printf(")\n")
}

inline sayM3(from, to, own, share) {
#if defined(PRINTED)
  printf("M3 = S_%c(E[", letter(from)); saySecret(own, share); printf("](software))\n")
#else
  printf("M3 = E["); saySecret(own, share);
#if defined(UNSIGNED)
  printf("](software, confirmation)\n")
#elif defined(WITHOUT_LINK_SIGNED)
  printf("](software, S_%c(LC))\n", letter(from))
#else
  printf("](software, S_%c(%c, %c, th))\n", letter(from), letter(from), letter(to))
#endif
#endif
}

inline sayFirstRecord(own, share) {
  printf("first record = confirmation["); saySecret(own, share); printf("](th)\n")
}
