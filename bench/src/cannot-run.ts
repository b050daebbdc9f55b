/** What keeps a benchmark from running, or ended it: a sentence for whoever started it. */
export class CannotRun extends Error {}
