import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 422, exit: exitCodes.notTrusted } as const;
const user = { blame: "user", retry: "never", http: 400, exit: exitCodes.usage } as const;
const nothing = { blame: "user", retry: "later", http: 404, exit: exitCodes.nothingToDo } as const;
const system = { blame: "system", retry: "later", http: 500, exit: exitCodes.retryLater } as const;

export type TerminalCode =
  | "TERMINAL_NOT_ENROLLED"
  | "TERMINAL_ALREADY_ENROLLED"
  | "TERMINAL_ENROLLED_OTHERWISE"
  | "TERMINAL_ENROLMENT_CHANGED"
  | "TERMINAL_TRUST_NEEDED"
  | "TERMINAL_TRUST_CONFLICT"
  | "TERMINAL_SUITE_WEAKER"
  | "TERMINAL_SERVER_WRONG"
  | "TERMINAL_STATE_LOCKED"
  | "TERMINAL_STATE_DAMAGED"
  | "TERMINAL_DISK_FULL"
  | "TERMINAL_ADDRESS_WRONG"
  | "TERMINAL_NOTHING_NEW"
  | "TERMINAL_NOTHING_WAITING"
  | "TERMINAL_NOTHING_FETCHED"
  | "TERMINAL_MODULE_AMBIGUOUS"
  | "TERMINAL_MODULE_NEEDED"
  | "TERMINAL_MODULE_NAMELESS"
  | "TERMINAL_MODULE_UNKNOWN"
  | "TERMINAL_LICENCE_CONTRADICTS"
  | "TERMINAL_RELEASE_MISSING"
  | "TERMINAL_DOWNGRADE_REFUSED"
  | "TERMINAL_ORDER_REPLAYED"
  | "TERMINAL_ORDER_BELOW_FLOOR"
  | "TERMINAL_STAGED_CHANGED"
  | "TERMINAL_DIGEST_WRONG"
  | "TERMINAL_SOFTWARE_CHANGED"
  | "TERMINAL_NO_PREVIOUS"
  | "TERMINAL_NOT_A_PROGRAM"
  | "TERMINAL_START_FAILED"
  | "TERMINAL_USER_UNKNOWN"
  | "TERMINAL_USER_NOT_ALLOWED"
  | "TERMINAL_VARIABLE_WRONG"
  | "TERMINAL_LEAST_RATE_WRONG"
  | "TERMINAL_PROTECTION_MISSING";

/** Errors of the terminal: of its state, of installing and of running software. */
export const terminalErrors: ErrorTable<TerminalCode> = errorTable({
  TERMINAL_NOT_ENROLLED: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "This terminal is not enrolled",
    advice: "Run `sealane-terminal enroll` with a token of the operator",
  },
  TERMINAL_ALREADY_ENROLLED: {
    ...user,
    exit: exitCodes.nothingToDo,
    sentence: "This terminal is enrolled already, as the token says",
    advice: "Nothing needs to be done; to make new keys, enroll with `--replace`",
  },
  TERMINAL_ENROLLED_OTHERWISE: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "This terminal is enrolled already, with another server or by another name than the token says",
    advice: "To leave that enrolment, enroll with `--replace`; to keep it, name another folder with `--state`",
  },
  TERMINAL_ENROLMENT_CHANGED: {
    ...system,
    http: 409,
    sentence: "This terminal was enrolled anew while the command ran; the command has changed nothing of that",
    advice: "Run the command again",
  },
  TERMINAL_TRUST_NEEDED: {
    ...user,
    sentence: "A terminal that is not enrolled must be told where it listens and whom it trusts",
    advice: "Give --url, and the CA certificate with --trust or its fingerprint with --fingerprint",
  },
  TERMINAL_TRUST_CONFLICT: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "This terminal trusts another authority, or is of another model, than was given",
    advice: "Leave the options out to go on as before; to listen to somebody else, name another state folder",
  },
  TERMINAL_SUITE_WEAKER: {
    ...peer,
    exit: exitCodes.refused,
    sentence: "The suite is weaker than the strongest one that this terminal has agreed with its server",
    advice: "Ask the operator why; to take it once name it with `--suite`, to enrol with it name it with `--suites`",
  },
  TERMINAL_SERVER_WRONG: {
    ...peer,
    sentence: "The server's reply is not the one that was asked for",
    advice: "Check that both ends run the same version of Sealane",
  },
  TERMINAL_STATE_LOCKED: {
    ...system,
    http: 409,
    sentence: "Another command of this terminal is running",
    advice: "Wait until it has ended, then try again",
  },
  TERMINAL_STATE_DAMAGED: {
    ...system,
    retry: "never",
    exit: exitCodes.configuration,
    sentence: "A file of the terminal's state cannot be read",
    advice: "Restore the state folder from a backup, or remove the file that is named and repeat what made it",
  },
  TERMINAL_DISK_FULL: {
    ...system,
    http: 507,
    sentence: "There is no space left for the software",
    advice: "Free space in the state folder's file system, then repeat the command: it continues where it stopped",
  },
  TERMINAL_ADDRESS_WRONG: {
    ...user,
    sentence: "The address is not an http or https URL",
    advice: "Give the address as `https://host:port`",
  },
  TERMINAL_NOTHING_NEW: {
    ...nothing,
    sentence: "There is nothing newer for this terminal",
    advice: "Nothing needs to be done",
  },
  TERMINAL_NOTHING_WAITING: {
    ...nothing,
    sentence: "No usable message of the server came",
    advice: "Let the operator offer the software again, or fetch with the terminal as originator",
  },
  TERMINAL_NOTHING_FETCHED: {
    ...nothing,
    sentence: "There is no fetched software to install",
    advice: "Run `sealane-terminal fetch` first",
  },
  TERMINAL_MODULE_AMBIGUOUS: {
    ...user,
    sentence: "There are several modules to choose from",
    advice: "Name the module",
  },
  TERMINAL_MODULE_NEEDED: {
    ...user,
    sentence: "An anonymous terminal asks for one module by its name",
    advice: "Name the module",
  },
  TERMINAL_MODULE_NAMELESS: {
    ...user,
    exit: exitCodes.refused,
    sentence: "The module came without a name; to ask for it by name would tell the server what this terminal has",
    advice: "Fetch it with `--mechanism anonymous-transport`; or name another mechanism to be known to the server from now on",
  },
  TERMINAL_MODULE_UNKNOWN: {
    ...user,
    sentence: "The module is not installed",
    advice: "See `sealane-terminal status` for what is installed; fetch and install it first",
  },
  TERMINAL_LICENCE_CONTRADICTS: {
    ...peer,
    sentence: "Licence or release are others than those of what was offered or installed",
    advice: "Do not use it; ask the operator",
  },
  TERMINAL_RELEASE_MISSING: {
    ...system,
    retry: "never",
    exit: exitCodes.notTrusted,
    sentence: "Nothing here says who released the software: it was fetched by a version of Sealane that did not ask",
    advice: "Run `sealane-terminal fetch` again",
  },
  TERMINAL_DOWNGRADE_REFUSED: {
    ...peer,
    exit: exitCodes.refused,
    sentence: "The software is not newer than what was installed before",
    advice: "Use `sealane-terminal rollback` to return to the version before; let the operator publish a newer release",
  },
  TERMINAL_ORDER_REPLAYED: {
    ...peer,
    exit: exitCodes.refused,
    sentence: "The order's number is not above that of an order before",
    advice: "Ask the operator for a new order; look who brought this one",
  },
  TERMINAL_ORDER_BELOW_FLOOR: {
    ...peer,
    exit: exitCodes.refused,
    sentence: "The publisher's release does not let the module go back that far",
    advice: "Ask the operator for an order to the floor that is named, or above",
  },
  TERMINAL_STAGED_CHANGED: {
    ...system,
    sentence: "The fetched software was changed on this machine, or it is not complete",
    advice: "Run `sealane-terminal fetch` again: it keeps what is intact",
  },
  TERMINAL_DIGEST_WRONG: {
    ...peer,
    sentence: "The software is not the one whose SHA-256 its release names",
    advice: "Do not use it; tell the publisher: what people compare is the digest of something else",
  },
  TERMINAL_SOFTWARE_CHANGED: {
    ...system,
    retry: "never",
    exit: exitCodes.notTrusted,
    sentence: "The installed software is not what its release and licence name: it was changed on this machine",
    advice: "Do not run it; roll back, or install it again, and look who changed it",
  },
  TERMINAL_NO_PREVIOUS: {
    ...nothing,
    retry: "never",
    sentence: "There is no version before this one to return to",
    advice: "Nothing can be done; fetch and install a newer version",
  },
  TERMINAL_NOT_A_PROGRAM: {
    ...user,
    exit: exitCodes.incompatible,
    sentence: "The software names no program to run",
    advice: "Use its files where it is installed, or let the publisher name an entry",
  },
  TERMINAL_START_FAILED: {
    ...system,
    retry: "never",
    exit: exitCodes.incompatible,
    sentence: "The system could not start the program",
    advice: "Check that the software is made for this machine",
  },
  TERMINAL_USER_UNKNOWN: {
    ...user,
    sentence: "There is no such user on this machine",
    advice: "Give --user the name of an account of this machine, or a number",
  },
  TERMINAL_USER_NOT_ALLOWED: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "Only root can start software as another user, and only on Linux",
    advice: "Run `sealane-terminal exec` as root, or leave --user out",
  },
  TERMINAL_VARIABLE_WRONG: {
    ...user,
    sentence: "The variable cannot be given to software",
    advice:
      "Name a variable that is set, as NAME or NAME=VALUE; what changes how programs are loaded is set in the software's own start script",
  },
  TERMINAL_LEAST_RATE_WRONG: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The environment variable SEALANE_LEAST_RATE is no rate",
    advice: "Set it to whole bytes a second, at most 1000000000, or to 0 for no least rate; without it the rate is 1024",
  },
  TERMINAL_PROTECTION_MISSING: {
    ...system,
    retry: "never",
    exit: exitCodes.configuration,
    sentence: "This system cannot start software with less than the terminal's own rights",
    advice:
      "Install `setpriv` (package util-linux or setpriv) and `getent`; in a container give root the capabilities SETUID, SETGID and KILL",
  },
});
