import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 403, exit: exitCodes.notTrusted } as const;
const user = { blame: "user", retry: "never", http: 409, exit: exitCodes.configuration } as const;
const system = { blame: "system", retry: "later", http: 500, exit: exitCodes.retryLater } as const;

const enrolAgain = "Make a new token with `sealane terminal token`";
const linkAgain = "Nothing, unless it repeats: the terminal then has to establish a new link or enrol again";

export type ServerCode =
  | "SERVER_ALREADY_INITIALISED"
  | "SERVER_NOT_INITIALISED"
  | "SERVER_FOLDER_NOT_EMPTY"
  | "SERVER_FILE_WRONG"
  | "SERVER_KEY_MISMATCH"
  | "SERVER_ROOT_KEY_HERE"
  | "SERVER_OPERATOR_FOLDER_MISSING"
  | "SERVER_SCHEMA_OLD"
  | "SERVER_SCHEMA_NEW"
  | "SERVER_BACKUP_WRONG"
  | "SERVER_TLS_WRONG"
  | "SERVER_DATABASE_URL_WRONG"
  | "SERVER_DATABASE_TAKEN"
  | "SERVER_ADDRESS_UNUSABLE"
  | "SERVER_OPERATOR_REMOTE"
  | "SERVER_NAME_TAKEN"
  | "SERVER_RELEASE_CONFLICT"
  | "SERVER_VERSION_TAKEN"
  | "SERVER_RELEASE_KEY_WRONG"
  | "SERVER_INBOX_FULL"
  | "SERVER_BROADCASTS_FULL"
  | "SERVER_GROUP_TAKEN"
  | "SERVER_GROUPS_EXCEEDED"
  | "SERVER_ORDER_CONFLICT"
  | "SERVER_ORDERS_FULL"
  | "SERVER_TERMINAL_INACTIVE"
  | "SERVER_LINK_UNKNOWN"
  | "SERVER_PENDING_UNKNOWN"
  | "SERVER_STATEMENT_WRONG"
  | "SERVER_STATEMENT_STALE"
  | "SERVER_TOKEN_UNKNOWN"
  | "SERVER_TOKEN_EXPIRED"
  | "SERVER_TOKEN_MISUSED"
  | "SERVER_TOKEN_BOUND"
  | "SERVER_KEY_TAKEN"
  | "SERVER_KEYS_WRONG"
  | "SERVER_PROOF_WRONG"
  | "STORE_FULL"
  | "STORE_BUSY"
  | "STORE_UNREACHABLE"
  | "STORE_FAILED"
  | "STORE_SECRET_WRONG"
  | "STORE_UPLOADS_EXCEEDED"
  | "STORE_UPLOAD_INTERRUPTED";

/**
 * Errors of the server and its stores. Those with the blame "peer" are for the log: a stranger is told LINK_REFUSED or
 * ENROL_REFUSED (package api) whatever the reason.
 */
export const serverErrors: ErrorTable<ServerCode> = errorTable({
  SERVER_ALREADY_INITIALISED: {
    ...user,
    sentence: "The folder holds a server already",
    advice: "Run it with `sealane server run`, or name another folder",
  },
  SERVER_NOT_INITIALISED: {
    ...user,
    sentence: "The folder holds no server",
    advice: "Check the folder, or make a server with `sealane init`",
  },
  SERVER_FOLDER_NOT_EMPTY: {
    ...user,
    sentence: "The folder holds something that is not a server",
    advice: "Name a folder that does not exist yet or is empty",
  },
  SERVER_FILE_WRONG: {
    ...user,
    http: 500,
    sentence: "A file in the server's folder is missing or damaged",
    advice: "Restore the folder from a backup",
  },
  SERVER_KEY_MISMATCH: {
    ...user,
    http: 500,
    sentence: "A private key in the server's folder does not belong to its certificate",
    advice: "Restore keys and certificates from the same backup",
  },
  SERVER_ROOT_KEY_HERE: {
    ...user,
    sentence: "The server's folder still has the root key, or no issuing key: an earlier version made it",
    advice: "Run `sealane server migrate`, which takes the root key to the operator's folder",
  },
  SERVER_OPERATOR_FOLDER_MISSING: {
    ...user,
    sentence: "There is no operator's folder beside the server's, where the root key could go",
    advice: "Name the folder with --operator; it is made if it is not there",
  },
  SERVER_SCHEMA_OLD: {
    ...user,
    http: 500,
    sentence: "The database was made by an older version of Sealane",
    advice: "Make a backup, then run `sealane server migrate`",
  },
  SERVER_SCHEMA_NEW: {
    ...user,
    http: 500,
    sentence: "The database was made by a newer version of Sealane",
    advice: "Run the version that made it, or a newer one",
  },
  SERVER_BACKUP_WRONG: {
    ...user,
    http: 500,
    sentence: "This is not a backup that can be restored",
    advice: "Give the folder that `sealane server backup` made, whole and unchanged",
  },
  SERVER_TLS_WRONG: {
    ...user,
    http: 500,
    sentence: "The certificate and key for TLS cannot be used",
    advice: "Check the two files: PEM, the certificate first and its issuers after it, and the key that belongs to it",
  },
  SERVER_DATABASE_URL_WRONG: {
    ...user,
    http: 500,
    sentence: "The address of the database is not one that can be used",
    advice: "Write postgres://USER@HOST:PORT/DATABASE?schema=NAME; a password belongs in a file (`--database-password-file`)",
  },
  SERVER_DATABASE_TAKEN: {
    ...user,
    http: 500,
    sentence: "The schema of the database belongs to another server already",
    advice: "Name another one with ?schema=NAME",
  },
  SERVER_ADDRESS_UNUSABLE: {
    ...user,
    http: 500,
    sentence: "The server cannot listen at this address",
    advice: "Name another port, or end the process that uses it",
  },
  SERVER_OPERATOR_REMOTE: {
    ...user,
    http: 403,
    sentence: "Operator requests in plain HTTP are taken from this machine only",
    advice: "Run the command on the server's machine, or put a TLS proxy in front of the server there",
  },
  SERVER_NAME_TAKEN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The name is the server's own, or one that stands for nobody in particular",
    advice: "Choose another name",
  },
  SERVER_RELEASE_CONFLICT: {
    ...user,
    exit: exitCodes.usage,
    sentence: "Another release of this module has the same sequence number for a model, or the same one was signed later",
    advice: "Publish with a higher sequence number; sign anew what is to take the place of a later statement",
  },
  SERVER_VERSION_TAKEN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "Other software is released as this version of the module, for one of the models",
    advice: "Publish it as another version: what is released does not change",
  },
  SERVER_RELEASE_KEY_WRONG: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The content key of the release is sealed to another key than this server's",
    advice: "Publish again to the certificate that this server has now",
  },
  SERVER_INBOX_FULL: {
    ...system,
    http: 503,
    sentence: "More messages wait for the terminal than its inbox may hold",
    advice: "Wait until the terminal has read them or they have expired",
  },
  SERVER_BROADCASTS_FULL: {
    ...user,
    exit: exitCodes.usage,
    sentence: "As many broadcasts run as the channel may carry",
    advice: "Stop one with `sealane broadcast stop`",
  },
  SERVER_GROUP_TAKEN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "There is a group of this name already",
    advice: "Choose another name, or add terminals to that group",
  },
  SERVER_GROUPS_EXCEEDED: {
    ...user,
    exit: exitCodes.usage,
    sentence: "There are more groups than the server or one of its terminals may have",
    advice: "Remove the terminal from another group first",
  },
  SERVER_ORDER_CONFLICT: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The server has an order with this number, or a higher one, already",
    advice: "Sign the order anew; see `sealane order list` for those that are there",
  },
  SERVER_ORDERS_FULL: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The server hands on as many orders as it may",
    advice: "Name several terminals in one order, or bring it as a file (`--out`); an order goes when it is over",
  },
  SERVER_TERMINAL_INACTIVE: { ...peer, sentence: "The terminal is not active, or has other certificates by now", advice: enrolAgain },
  SERVER_LINK_UNKNOWN: { ...peer, retry: "fresh", sentence: "There is no link of this id, or it has expired", advice: linkAgain },
  SERVER_PENDING_UNKNOWN: { ...peer, retry: "fresh", sentence: "The answer belongs to no message that awaits one", advice: linkAgain },
  SERVER_STATEMENT_WRONG: { ...peer, sentence: "The signed statement names another terminal or server", advice: linkAgain },
  SERVER_STATEMENT_STALE: {
    ...peer,
    retry: "fresh",
    sentence: "The signed statement is too old or dated in the future",
    advice: "Set the clock of the terminal",
  },
  SERVER_TOKEN_UNKNOWN: { ...peer, sentence: "The enrolment token is not known", advice: enrolAgain },
  SERVER_TOKEN_EXPIRED: { ...peer, exit: exitCodes.expired, sentence: "The enrolment token has expired", advice: enrolAgain },
  SERVER_TOKEN_MISUSED: {
    ...peer,
    sentence: "The enrolment token is for another name or model, or its secret is wrong",
    advice: enrolAgain,
  },
  SERVER_TOKEN_BOUND: { ...peer, sentence: "The enrolment token was used with other keys before", advice: enrolAgain },
  SERVER_KEY_TAKEN: {
    ...peer,
    sentence: "A key of the request belongs to another terminal, or to this one for another purpose",
    advice: "Have the terminal make new keys",
  },
  SERVER_KEYS_WRONG: {
    ...peer,
    sentence: "The enrolment request has two keys of one kind for one purpose, or one key for two purposes",
    advice: "Check that both ends run the same version of Sealane",
  },
  SERVER_PROOF_WRONG: {
    ...peer,
    sentence: "The proof of possession is not for this terminal's certificates",
    advice: enrolAgain,
  },
  STORE_FULL: {
    ...system,
    http: 507,
    sentence: "The disk of the server is full",
    advice: "Make room on the server's disk, then try again",
  },
  STORE_BUSY: {
    ...system,
    http: 503,
    sentence: "The database is locked by another process",
    advice: "Try again; look for a process that holds the server's database open",
  },
  STORE_UNREACHABLE: {
    ...system,
    http: 503,
    sentence: "The database cannot be reached",
    advice: "Check that it runs and lets this server in, then try again",
  },
  STORE_FAILED: {
    ...system,
    sentence: "The server's store failed",
    advice: "Check the server's disk and the permissions of its folder",
  },
  STORE_SECRET_WRONG: {
    ...system,
    retry: "never",
    exit: exitCodes.configuration,
    sentence: "A secret in the database cannot be opened with the server's storage key",
    advice: "Restore database and storage key from the same backup",
  },
  STORE_UPLOADS_EXCEEDED: {
    ...system,
    http: 503,
    sentence: "As many artefacts are being uploaded as the server takes at once",
    advice: "Try again when another upload has ended",
  },
  STORE_UPLOAD_INTERRUPTED: {
    ...system,
    blame: "peer",
    http: 400,
    sentence: "The upload ended before the artefact was complete",
    advice: "Upload it again",
  },
});
