import type { Examples } from "@sealane/cli";

/** Examples in the help of the terminal's commands. */
export const examples: Examples = {
  enroll: ["sealane-terminal enroll --token-file gateway-1.token", "sealane-terminal enroll --token-file - < gateway-1.token"],
  fetch: ["sealane-terminal fetch", "sealane-terminal fetch app -v", "sealane-terminal fetch app --source /media/stick/app.sealed"],
  listen: ["sealane-terminal listen --url https://sealane.example --trust ca.pem --standing operator"],
  discard: ["sealane-terminal discard app"],
  install: ["sealane-terminal install app"],
  exec: ["sealane-terminal exec app", "sealane-terminal exec app --env LANG -- --its-own-option"],
  rollback: ["sealane-terminal rollback app"],
  order: ["sealane-terminal order", "sealane-terminal order reset.order"],
  status: ["sealane-terminal status", "sealane-terminal status --json"],
  completion: ["sealane-terminal completion bash > sealane-terminal.bash"],
};
