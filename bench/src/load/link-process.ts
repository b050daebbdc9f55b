import { Agent } from "node:http";
import { answering } from "./child.ts";
import { Failures, type Percentiles, percentilesOf, type Spread, spreadOf } from "./figures.ts";
import { Terminal } from "./terminal.ts";

/** The terminals of the load benchmark: enrols them, then establishes links at full rate. */
export type LinkQuestion =
  | { readonly kind: "enrol"; readonly url: string; readonly operatorToken: string; readonly terminals: number; readonly model: string }
  | { readonly kind: "run"; readonly seconds: number };

export interface Enrolled {
  readonly seconds: number;
}

export interface LinkRun {
  readonly seconds: number;
  /** Links whose answer verified and whose first record was answered, by terminal. */
  readonly links: readonly number[];
  /** Over whole seconds. */
  readonly perSecond: Spread;
  readonly answer: Percentiles;
  readonly record: Percentiles;
  /** What did not end in a link: what was said, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Terminals that are at work at the same time, each with a connection that is kept open. */
const lanes = 8;

const agent = new Agent({ keepAlive: true, maxSockets: lanes });
const terminals: Terminal[] = [];

answering(async (question: LinkQuestion) => (question.kind === "enrol" ? await enrol(question) : await run(question.seconds)));

async function enrol({ url, operatorToken, terminals: count, model }: Extract<LinkQuestion, { kind: "enrol" }>): Promise<Enrolled> {
  const began = performance.now();
  let next = 0;
  await inLanes(async () => {
    while (next < count) terminals.push(await Terminal.enrol({ url, agent }, { name: `load-${next++}`, model, operatorToken }));
  });
  return { seconds: (performance.now() - began) / 1000 };
}

async function run(seconds: number): Promise<LinkRun> {
  const links = terminals.map(() => 0);
  const [answers, records]: [number[], number[]] = [[], []];
  const failures = new Failures();
  const bySecond: number[] = Array.from({ length: seconds }, () => 0);
  const free = terminals.keys().toArray();
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  await inLanes(async () => {
    while (elapsed() < seconds) {
      const own = free.shift() ?? Number.NaN;
      const terminal = terminals[own];
      if (terminal === undefined) throw new Error("there are fewer terminals than lanes");
      try {
        const { answer, record } = await terminal.link();
        answers.push(answer);
        records.push(record);
        links[own] = (links[own] ?? 0) + 1;
        const second = Math.floor(elapsed());
        if (second < seconds) bySecond[second] = (bySecond[second] ?? 0) + 1;
      } catch (error) {
        failures.add(error);
      }
      free.push(own);
    }
  });
  return {
    seconds: elapsed(),
    links,
    perSecond: spreadOf(bySecond),
    answer: percentilesOf(answers),
    record: percentilesOf(records),
    failures: failures.counts,
  };
}

async function inLanes(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, work));
}
