/** `command operand options`, or with the operand behind `--` where it looks like an option: a line that may be copied. */
export function commandLine(command: string, operand: string, options: readonly string[]): string {
  const [name, given] = [shellWord(operand), options.map(shellWord)];
  return (operand.startsWith("-") ? [command, ...given, "--", name] : [command, name, ...given]).join(" ");
}

/** A word of a POSIX shell's command line, quoted where it must be: for commands that a person may copy. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
