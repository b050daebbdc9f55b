/** The clock of this process in whole seconds. */
export function clockSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
