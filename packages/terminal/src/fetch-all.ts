import { mechanismNamed } from "@sealane/link";
import { hasCode, type SealaneError } from "@sealane/wire";
import { isAddress } from "./artefact-source.ts";
import { fetchNext, fetchNextKey, nothingPassed, type Passed } from "./fetch.ts";
import type { FetchInput } from "./fetch-work.ts";
import type { Fetched, FetchedKey } from "./fetched.ts";
import type { Terminal } from "./terminal.ts";

/** A module of which a command could not do what it did of the others. */
export interface FailedModule {
  readonly module: string;
  readonly error: SealaneError;
}

/**
 * Fetches everything that is for this terminal, one module after the other in the order of their names, and what waits in the inbox where
 * the server originates. A module that fails stops no other; what failed is the generator's result. Of what is broadcast, or in the
 * file that the user named, there is one.
 *
 * Errors: those of `fetchSoftware` that are of no single module; TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING when there is none.
 */
export function fetchAll(terminal: Terminal, input: Omit<FetchInput, "module"> = {}): AsyncGenerator<Fetched, readonly FailedModule[]> {
  return allOf(input, async (passed) => await fetchNext(terminal, input, passed));
}

/** The same of licences and content keys alone. Errors: those of `fetchKey`, in the same way. */
export function fetchAllKeys(
  terminal: Terminal,
  input: Omit<FetchInput, "module" | "source"> = {},
): AsyncGenerator<FetchedKey, readonly FailedModule[]> {
  return allOf(input, async (passed) => await fetchNextKey(terminal, input, passed));
}

async function* allOf<T extends FetchedKey>(
  input: FetchInput,
  next: (passed: Passed) => Promise<T>,
): AsyncGenerator<T, readonly FailedModule[]> {
  const passed = nothingPassed();
  for (;;) {
    try {
      const fetched = await next(passed);
      passed.done.add(fetched.software.module);
      yield fetched;
      if (!mayBeMore(input, fetched)) break;
    } catch (error) {
      const isOfModule = [...passed.failed.values()].some((each) => each === error);
      if (!isOfModule && (passed.done.size + passed.failed.size === 0 || !isNothing(error))) throw error;
      break;
    }
  }
  return [...passed.failed].map(([module, error]) => ({ module, error }));
}

/** A terminal that asked knows what else is on offer; what waits in the inbox it learns by looking. */
function mayBeMore({ source, mechanism = "signed-transport", originator }: FetchInput, { alsoOffered }: FetchedKey): boolean {
  const { broadcast } = mechanismNamed(mechanism);
  if (originator !== "server" && !broadcast) return alsoOffered.length > 0;
  return (source === undefined || isAddress(source)) && !(broadcast && originator === "server");
}

function isNothing(error: unknown): boolean {
  return hasCode(error, "TERMINAL_NOTHING_NEW") || hasCode(error, "TERMINAL_NOTHING_WAITING");
}
