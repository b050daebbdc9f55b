import { headerLabel, sign1 } from "@sealane/cose";
import { type Order, type OrderAction, signOrder } from "@sealane/software";
import { type CborValue, encode, parseName } from "@sealane/wire";
import type { TestAuthority } from "./authority.ts";
import type { FakeClock } from "./fake-clock.ts";
import { terminalName } from "./test-terminal.ts";

const operator = "operator-1";
const daySeconds = 86_400;

/** What an order says, if not what it says unless told. */
export type OrderWish = Partial<Order> & { readonly actions: readonly OrderAction[] };

/** Signs orders, for a week and the terminal of the test unless told. */
export class TestOperator {
  readonly #clock: FakeClock;
  readonly #signer: Omit<Parameters<typeof signOrder>[0], "order">;

  private constructor(clock: FakeClock, signer: Omit<Parameters<typeof signOrder>[0], "order">) {
    this.#clock = clock;
    this.#signer = signer;
  }

  static async appoint({ clock, authority }: { readonly clock: FakeClock; readonly authority: TestAuthority }): Promise<TestOperator> {
    const { key, certificate } = await authority.signer(operator, "order-sign");
    return new TestOperator(clock, { key, chain: certificate.chain });
  }

  async sign(wish: OrderWish): Promise<Uint8Array> {
    const { now } = this.#clock;
    const order = {
      issuer: parseName(operator),
      number: now * 1000,
      issuedAtSeconds: now,
      expiresAtSeconds: now + 7 * daySeconds,
      recipients: [terminalName],
      ...wish,
    };
    return await signOrder({ ...this.#signer, order });
  }

  /** Signs actions of any form, as another version of the operator's command could. */
  async signAny(actions: readonly CborValue[], number: number): Promise<Uint8Array> {
    const { now } = this.#clock;
    const { key, chain } = this.#signer;
    const [leaf = new Uint8Array(0)] = chain;
    const payload = encode([operator, number, now, now + daySeconds, "*", actions]);
    const protectedAlso = new Map([[headerLabel.x5chain, leaf]]);
    return encode(await sign1(key, { payload, externalAad: encode(["Sealane", 1, "order"]), protectedAlso, tagged: true }));
  }
}
