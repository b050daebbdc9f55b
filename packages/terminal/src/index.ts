export { maxOrderBytes } from "@sealane/software";
export { obeyWaiting } from "./ask-orders.ts";
export { type Clock, systemClock, type Uptime } from "./clock.ts";
export { type Discarded, discard } from "./discard.ts";
export { type EnrolInput, type Enrolled, enroll } from "./enrol.ts";
export { type TerminalCode, terminalErrors } from "./errors.ts";
export type { BroadcastEvent, DownloadEvent, LinkEvent, OnEvent, StartEvent, TerminalEvent } from "./events.ts";
export { type EndedSoftware, type ExecInput, exec, type RunningSoftware } from "./exec.ts";
export { fetchKey, fetchSoftware } from "./fetch.ts";
export { type FailedModule, fetchAll, fetchAllKeys } from "./fetch-all.ts";
export type { FetchInput } from "./fetch-work.ts";
export type { Fetched, FetchedKey } from "./fetched.ts";
export { type Installed, type InstallInput, type InstallStage, install, installAll, installStages } from "./install.ts";
export { type ListenInput, listen } from "./listen.ts";
export type { OrderStatus } from "./order-record.ts";
export { type Obeyed, obey } from "./orders.ts";
export { type RolledBack, rollback } from "./rollback.ts";
export {
  type DownloadStatus,
  type IdentityStatus,
  type ListenerStatus,
  type ModuleStatus,
  type SlotStatus,
  type Status,
  status,
} from "./status.ts";
export { type Terminal, type TerminalOptions, terminalAt } from "./terminal.ts";
export { type ServerTrust, type Standing, standings } from "./trust.ts";
