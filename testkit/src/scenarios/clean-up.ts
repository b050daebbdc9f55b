/** What is to be done when a scenario ends, also by Ctrl-C: processes ended, folders removed. */

type CleanUp = () => void | Promise<void>;

const pending = new Set<CleanUp>();

/** Has something done at the end of the scenario, unless it was done before with the function that this gives. */
export function onEnd(work: CleanUp): () => Promise<void> {
  const once = async (): Promise<void> => {
    if (pending.delete(once)) await work();
  };
  pending.add(once);
  return once;
}

/** Does what is left to do, the latest first. */
export async function cleanUp(): Promise<void> {
  for (const work of [...pending].reverse()) await work();
}
