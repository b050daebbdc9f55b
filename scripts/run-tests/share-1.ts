import { loadShare } from "./shared-process.ts";

loadShare(1);
