import { type Output, outputOf, type Progress, stateFolder } from "@sealane/cli";
import { type Terminal, type TerminalEvent, terminalAt } from "@sealane/terminal";
import type { Command } from "commander";

/** A terminal that tells its events by the output of a command. */
export interface OpenTerminal {
  readonly terminal: Terminal;
  readonly output: Output;
  /** Ends what is drawn on the screen; to be called before anything else is printed. */
  quiesce(): void;
}

/** Opens the terminal whose state folder the command names. */
export function openTerminal(command: Command): OpenTerminal {
  const output = outputOf(command);
  const stage = new Stage(output);
  const folder = stateFolder("sealane-terminal", command.opts<{ state?: string }>().state);
  const terminal = terminalAt({ stateFolder: folder, onEvent: (event) => stage.tell(event) });
  return { terminal, output, quiesce: () => stage.end() };
}

/** Words, JSON lines and bars for events as they come. */
class Stage {
  readonly #output: Output;
  #bar: { readonly label: string; readonly progress: Progress } | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  tell(event: TerminalEvent): void {
    switch (event.kind) {
      case "download":
        this.#measure("fetching", event);
        break;
      case "check":
        this.#measure("checking", event);
        break;
      case "link": {
        const { kind, ...fields } = event;
        const { mechanism, suite, originator, peer, promise, readers } = event;
        const words = `Link with ${peer ?? "an unnamed party"} by ${mechanism} on ${suite}, begun by the ${originator}.`;
        this.#output.event(kind, fields, `${words}\n  It promises: ${promise}.\n  Who else could read: ${readers}.`);
        break;
      }
      case "message-skipped": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Skipped a message in the inbox that could not be used (${event.code}).`);
        break;
      }
      case "retry": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `${event.code}; trying again in ${(event.pauseMilliseconds / 1000).toFixed(1)} s.`);
        break;
      }
      case "stage": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields);
        break;
      }
      default:
        event satisfies never;
    }
  }

  end(): void {
    this.#bar?.progress.end();
    this.#bar = null;
  }

  #measure(label: string, done: { readonly bytes: number; readonly totalBytes: number }): void {
    if (this.#bar?.label !== label) {
      this.end();
      this.#bar = { label, progress: this.#output.progress(label, done.totalBytes) };
    }
    this.#bar.progress.update(done.bytes);
    if (done.bytes >= done.totalBytes) this.end();
  }
}
