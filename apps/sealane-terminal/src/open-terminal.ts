import { type Output, outputOf, type Progress, pinAsker, stateFolder } from "@sealane/cli";
import { type StartEvent, type Terminal, type TerminalEvent, terminalAt } from "@sealane/terminal";
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
  const { state, input, verbose = false } = command.opts<{ state?: string; input?: boolean; verbose?: boolean }>();
  const stage = new Stage(output, verbose);
  const folder = stateFolder("sealane-terminal", state);
  const askPin = pinAsker(input !== false);
  const terminal = terminalAt({ stateFolder: folder, askPin, onEvent: (event) => stage.tell(event) });
  return { terminal, output, quiesce: () => stage.end() };
}

/** Words, JSON lines and bars for events as they come. */
class Stage {
  readonly #output: Output;
  /** Whether people are told of links that keep what is usual. */
  readonly #verbose: boolean;
  #bar: { readonly label: string; readonly progress: Progress } | null = null;

  constructor(output: Output, verbose: boolean) {
    this.#output = output;
    this.#verbose = verbose;
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
        const { mechanism, suite, originator, peer, server, promise, readers } = event;
        const words = [
          `Link with ${peer ?? "an unnamed party"} by ${mechanism} on ${suite}, begun by the ${originator}.`,
          `  The server: ${server}.`,
          `  It promises: ${promise}.`,
          `  Who else could read: ${readers}.`,
        ];
        const isTold = this.#verbose || event.trust === "untrusted"; // nobody is to overlook that
        this.#output.event(kind, fields, isTold ? words.join("\n") : undefined);
        break;
      }
      case "clock": {
        const { kind, behindSeconds } = event;
        const side = behindSeconds > 0 ? "behind" : "ahead of";
        const words = `This machine's clock is ${Math.abs(behindSeconds)} s ${side} the server's. Set it: messages, licences and certificates are judged by it.`;
        this.#output.event(kind, { behindSeconds }, words);
        break;
      }
      case "message-skipped": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Skipped a message in the inbox that could not be used (${event.code}).`);
        break;
      }
      case "module-skipped": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Could not fetch ${event.module} (${event.code}); trying the next module.`);
        break;
      }
      case "broadcast-skipped": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Passed over a broadcast that could not be used (${event.code}).`);
        break;
      }
      case "broadcast": {
        const { kind, ...fields } = event;
        const { module, version, sequence, group, trust, freshness } = event;
        const words = `Heard ${module} ${version} (sequence ${sequence})${group === null ? "" : `, for the group ${group}`}.`;
        this.#output.event(kind, fields, `${words}\n  ${trust}.\n  ${freshness}.`);
        break;
      }
      case "order-followed": {
        const { kind, ...fields } = event;
        const what = event.actions.map((action) => action.kind).join(", ");
        this.#output.event(kind, fields, `Did what order ${event.number} of the operator says: ${what}.`);
        break;
      }
      case "order-refused": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Order ${event.number} cannot be followed (${event.code}); nothing of it was done.`);
        break;
      }
      case "orders-unasked": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `Could not ask for orders of the operator (${event.code}).`);
        break;
      }
      case "retry": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, `${event.code}; trying again in ${(event.pauseMilliseconds / 1000).toFixed(1)} s.`);
        break;
      }
      case "start": {
        const { kind, ...fields } = event;
        this.#output.event(kind, fields, wordsOfStart(event));
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

/** What people have to know of how a program is started; undefined where all is as it should be. */
function wordsOfStart({ module, readsKeys, noNewPrivileges }: StartEvent): string | undefined {
  const words = [
    ...(readsKeys
      ? [`${module} runs as a user who can read this terminal's private keys; run exec as root to give it one of its own.`]
      : []),
    ...(noNewPrivileges ? [] : ["On this system nothing keeps it from gaining rights."]),
  ];
  return words.length === 0 ? undefined : words.join("\n");
}
