/** What a scenario found wrong: one sentence, and what the commands said. */
export class ScenarioFailure extends Error {
  constructor(sentence: string, said = "") {
    super(said === "" ? sentence : `${sentence}\n${said.trimEnd().replaceAll(/^/gm, "    ")}`);
    this.name = "ScenarioFailure";
  }
}

/** Ends the scenario with a sentence unless something holds. */
export function demand(holds: boolean, sentence: string, said = ""): asserts holds {
  if (!holds) throw new ScenarioFailure(sentence, said);
}
