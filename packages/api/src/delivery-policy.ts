import type { MechanismName } from "@sealane/link";
import { type SoftwareClass, softwareClasses } from "@sealane/software";
import { apiErrors } from "./errors.ts";

/** By which mechanisms software of each class may be delivered (requirement POLICY). */
export type DeliveryPolicy = Readonly<Record<SoftwareClass, readonly MechanismName[]>>;

/** Mechanisms whose link is confidential and whose two ends prove who they are. */
const named: readonly MechanismName[] = [
  "signed-transport",
  "recovered-transport",
  "signed-agreement",
  "mutual-nonce",
  "mutual-certified",
  "mutual-agreement",
];

/** What is allowed unless a policy says more: nothing anonymous, and nothing that everybody or a group can open. */
export const defaultDeliveryPolicy: DeliveryPolicy = { system: named, application: named, content: named };

/** A policy with what is told of it; a class that is not told keeps its default. */
export function deliveryPolicy(told: Partial<DeliveryPolicy>): DeliveryPolicy {
  return { ...defaultDeliveryPolicy, ...told };
}

/** Refuses a mechanism that the policy does not name for the software's class. Error: POLICY_REFUSED. */
export function requireAllowed(
  policy: DeliveryPolicy,
  delivery: { readonly softwareClass: SoftwareClass; readonly mechanism: MechanismName },
): void {
  const { softwareClass, mechanism } = delivery;
  if (!policy[softwareClass].includes(mechanism)) throw apiErrors.error("POLICY_REFUSED", { class: softwareClass, mechanism });
}

/** Whether a mechanism may deliver anything at all: what it may not, need not be accepted. */
export function isEverAllowed(policy: DeliveryPolicy, mechanism: MechanismName): boolean {
  return softwareClasses.some((each) => policy[each].includes(mechanism));
}
