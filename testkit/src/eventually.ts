/** What does not happen in this time is taken for hanging: everything that is waited for happens at once, on a slow machine in seconds. */
export const hangingSeconds = 600;

/** Looks again and again until something holds that does not come with an event; fails with the sentence when it never does. */
export async function eventually(holds: () => boolean | Promise<boolean>, sentence: string | (() => string)): Promise<void> {
  const deadline = performance.now() + hangingSeconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(typeof sentence === "string" ? sentence : sentence());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
