import { terminalErrors } from "./errors.ts";
import type { SoftwareUser } from "./software-user.ts";
import { systemPath } from "./system-tools.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a program may know of whoever started it: the language, the clock's zone and the kind of screen. */
const passedOn = /^(LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM)$/;

/**
 * Names that make the system's loader or C library run other code: they would count for `setpriv` too, which is root still. A
 * program that needs one sets it in a start script of its own (the list of ld.so(8), secure-execution mode, as far as it loads code).
 */
const loading = /^(LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*)$/;

/**
 * The whole environment of software: PATH of the system, HOME of its user, {@link passedOn} from this process, SEALANE_SOFTWARE with
 * the folder that it is installed in, and what the user of this command gives. Nothing else: no PIN, token or proxy of the terminal.
 *
 * Error: TERMINAL_VARIABLE_WRONG for a name that is none, or one of {@link loading}.
 */
export function softwareEnvironment(from: {
  readonly environment: Environment;
  readonly user: SoftwareUser | null;
  readonly folder: string;
  readonly given: Readonly<Record<string, string>>;
}): NodeJS.ProcessEnv {
  const { environment, user, folder, given } = from;
  for (const [name, value] of Object.entries(given)) {
    const isUsable = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !loading.test(name) && !value.includes("\0");
    if (!isUsable) throw terminalErrors.error("TERMINAL_VARIABLE_WRONG", { name: name.replaceAll(/[^ -~]/g, "?").slice(0, 64) });
  }
  const home = user?.home ?? environment["HOME"];
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => passedOn.test(name))),
    ...(process.platform === "win32" ? {} : { PATH: systemPath }), // Windows gives its own to every process
    ...(home === undefined ? {} : { HOME: home }),
    ...given,
    SEALANE_SOFTWARE: folder,
  };
}
