export { fuzzEffort } from "./effort.ts";
export { type FuzzEffort, FuzzFinding, type FuzzResult, type FuzzTarget, fuzz, mustRefuse } from "./target.ts";
export { decoderTargets } from "./targets/index.ts";
