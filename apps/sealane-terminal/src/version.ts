/** The version of this command; `npm run pack` refuses to publish another one than package.json names. */
export const version = "0.1.0";
