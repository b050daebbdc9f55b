export { type CliCode, cliErrors } from "./errors.ts";
export { formatTime } from "./format-time.ts";
export { parseFingerprint, parseServerUrl, parseTypedName, parseWholeNumber } from "./option-values.ts";
export { type EventFields, formatBytes, formatTable, Output, type OutputOptions, type Progress, paint } from "./output.ts";
export { stateFolder } from "./places.ts";
export { readSmallFile } from "./read-file.ts";
export { asSealaneError, makeProgram, outputOf, runProgram } from "./run.ts";
export { shellWord } from "./shell-word.ts";
