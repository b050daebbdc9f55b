import { type ConfidentialLink, mechanismNamed } from "@sealane/link";
import { trustAnchor } from "@sealane/pki";
import { hasCode } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { isFaultOfMessage } from "./hear.ts";
import { loadEnrolment, loadIdentity, requireIdentity } from "./identity.ts";
import { openHttp } from "./least-rate.ts";
import { clockToleranceSeconds, maxOrdersAtOnce } from "./limits.ts";
import { ask, type LinkChoice, type Offers, originateLink } from "./link-client.ts";
import { lastOf, loadOrders } from "./order-record.ts";
import { beginningOf, type Obeyed, obey } from "./orders.ts";
import type { Terminal } from "./terminal.ts";

/** Orders that the server hands on (docs/protocol.md, delivery of orders). */

/** Ends what a command does, so that it begins anew once the orders that wait were asked for: they change what it began with. */
export class OrdersWait extends Error {
  readonly newestOrder: number;

  constructor(newestOrder: number) {
    super("orders wait");
    this.newestOrder = newestOrder;
  }
}

/** What one command knows of the orders that wait for this terminal: it asks for each once, and not without end. */
export class OrderWatch {
  readonly #terminal: Terminal;
  readonly #choice: LinkChoice;
  /** The highest number that was followed or asked for. */
  #after: number;
  #left = maxOrdersAtOnce;
  #isMended = false;

  private constructor(terminal: Terminal, choice: LinkChoice, after: number) {
    this.#terminal = terminal;
    this.#choice = choice;
    this.#after = after;
  }

  /** `wish` is how the command itself begins links: it asks so too, where both have a name then. Error: TERMINAL_STATE_DAMAGED. */
  static async of(terminal: Terminal, wish: LinkChoice = { mechanism: usualMechanism, suite: null }): Promise<OrderWatch> {
    const identity = await loadIdentity(terminal);
    const last = identity === null ? null : lastOf(await loadOrders(terminal), trustAnchor(identity.authority).thumbprint);
    const { broadcast, anonymous, equations } = wish.mechanism;
    const hasNames = !broadcast && anonymous !== "originator" && equations.terminal !== undefined;
    return new OrderWatch(terminal, hasNames ? wish : { mechanism: usualMechanism, suite: wish.suite }, last?.number ?? 0);
  }

  /** Ends the command for now where the server has an order that was not asked for. Who has no name is told nothing of what was followed. */
  notice({ parties }: ConfidentialLink, { newestOrder }: Offers): void {
    const hasNames = parties.originator !== null && parties.recipient !== null;
    if (hasNames && newestOrder > this.#after && this.#left > 0) throw new OrdersWait(newestOrder);
  }

  /**
   * Runs a command; again after the orders that it was told of, and once after those that mend why it failed: a clock's floor so far
   * ahead that the server cannot be proven, or that every message of its is stale.
   */
  async run<T>(command: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await command();
      } catch (error) {
        if (error instanceof OrdersWait) {
          await this.askQuietly();
          this.#after = Math.max(this.#after, error.newestOrder);
          this.#left--;
        } else {
          if (this.#isMended || !this.#isAhead || !(isOver(error) || hasCode(error, "TERMINAL_NOTHING_WAITING"))) throw error;
          this.#isMended = true;
          if ((await this.askQuietly()).length === 0) throw error;
        }
      }
    }
  }

  /** The same as {@link OrderWatch.ask}, but what fails is told as an event. Errors: of disk and keys. */
  async askQuietly(): Promise<readonly Obeyed[]> {
    try {
      return await this.ask();
    } catch (error) {
      if (!isFaultOfMessage(error)) throw error;
      this.#terminal.onEvent({ kind: "orders-unasked", code: error.code });
      return [];
    }
  }

  /**
   * Asks on a link of its own for the orders that were not followed, and follows one after the other; one that fails is told as an event. Where
   * certificates are over by the floor of the clock, it asks on one that is judged without it: only orders are taken from that, and
   * their operator's signature is all that they rest on. Gives those that were followed now.
   * Errors: those of `loadEnrolment`, `originateLink` and `ask`; TERMINAL_SERVER_WRONG.
   */
  async ask(): Promise<readonly Obeyed[]> {
    try {
      return await this.#askJudgedBy(this.#terminal);
    } catch (error) {
      if (!this.#isAhead || !isOver(error)) throw error;
      const floorSeconds = beginningOf(await requireIdentity(this.#terminal));
      return await this.#askJudgedBy({ ...this.#terminal, clock: this.#terminal.clock.over(floorSeconds) });
    }
  }

  async #askJudgedBy(terminal: Terminal): Promise<readonly Obeyed[]> {
    using http = openHttp(terminal);
    const session = { terminal, enrolment: await loadEnrolment(terminal), http };
    const opened = await originateLink(session, this.#choice);
    using link = opened.link;
    const followed: Obeyed[] = [];
    while (this.#left > 0) {
      this.#left--;
      const reply = await ask(session, link, { kind: "order", after: this.#after });
      if (reply.kind !== "order") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
      const { number, order } = reply;
      if (order === null || number <= this.#after) break;
      this.#after = number;
      const obeyed = await this.#follow(number, order);
      if (obeyed !== null) followed.push(obeyed);
    }
    return followed;
  }

  async #follow(number: number, order: Uint8Array): Promise<Obeyed | null> {
    const { onEvent } = this.#terminal;
    try {
      const obeyed = await obey(this.#terminal, order);
      if (obeyed.wasDone) return null;
      onEvent({ kind: "order-followed", number: obeyed.number, actions: obeyed.actions });
      return obeyed;
    } catch (error) {
      if (!isFaultOfMessage(error)) throw error;
      onEvent({ kind: "order-refused", number, code: error.code });
      return null;
    }
  }

  /** Whether the floor is further ahead of the machine's clock than two right clocks are apart. */
  get #isAhead(): boolean {
    const { clock } = this.#terminal;
    return clock.floorSeconds() > clock.machineSeconds() + clockToleranceSeconds;
  }
}

function isOver(error: unknown): boolean {
  return hasCode(error, "PKI_CERTIFICATE_EXPIRED");
}

const usualMechanism = mechanismNamed("signed-transport");

/** Asks the server for orders and follows them. Errors: those of {@link OrderWatch.ask}. */
export async function obeyWaiting(terminal: Terminal): Promise<readonly Obeyed[]> {
  return await (await OrderWatch.of(terminal)).ask();
}
