import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Challenge, namedMechanisms, Party } from "../../src/index.ts";
import { addressOf, code, newWorld } from "../world.ts";

describe("a party without a clock", () => {
  for (const mechanism of namedMechanisms) {
    test(`FCLOCK: accepts ${mechanism} that answers its challenge, once, however old it seems`, async () => {
      const world = await newWorld();
      const { clock, random } = world.environment;
      const [office, gateway] = [new Party(world.office), new Party(world.gateway)];
      const mechanisms = [mechanism] as const;
      const slow = { nowSeconds: () => clock.now - 3_000 };
      const challenge = new Challenge({ clock: slow, random });
      const originated = async (bytes?: Uint8Array) =>
        await office.originate(addressOf(world.gateway), { mechanism, ...(bytes === undefined ? {} : { challenge: bytes }) });
      const { message } = await originated(challenge.bytes);
      await assert.rejects(gateway.accept(message, { mechanisms }), code("LINK_CHALLENGE_WRONG"));
      const timed = await originated();
      await assert.rejects(gateway.accept(timed.message, { mechanisms, challenge }), code("LINK_CHALLENGE_WRONG"));
      const other = await originated(new Challenge(world.environment).bytes);
      await assert.rejects(gateway.accept(other.message, { mechanisms, challenge }), code("LINK_CHALLENGE_WRONG"));
      await gateway.accept(message, { mechanisms, challenge }); // the wrong ones have used up nothing
      const second = await originated(challenge.bytes);
      await assert.rejects(gateway.accept(second.message, { mechanisms, challenge }), code("LINK_CHALLENGE_WRONG"));
    });
  }

  test("FCLOCK: a challenge is 32 bytes, another one each time, open for 60 seconds, and closed when the clock steps back", async () => {
    const world = await newWorld();
    const { environment } = world;
    const make = () => new Challenge(environment);
    const challenges = [make(), make(), make()] as const;
    assert.deepEqual(
      challenges.map(({ bytes }) => bytes.length),
      [32, 32, 32],
    );
    assert.equal(new Set(challenges.map(({ bytes }) => bytes.toHex())).size, 3);
    const [timely, late, before] = challenges;
    const messages = [];
    for (const { bytes } of challenges)
      messages.push(await new Party(world.office).originate(addressOf(world.gateway), { challenge: bytes }));
    const [first, second, third] = messages.map(({ message }) => message);
    const gateway = new Party(world.gateway);
    environment.clock.now += 60;
    await gateway.accept(first ?? timely.bytes, { challenge: timely });
    environment.clock.now += 1;
    await assert.rejects(gateway.accept(second ?? late.bytes, { challenge: late }), code("LINK_CHALLENGE_WRONG"));
    environment.clock.now -= 62;
    await assert.rejects(gateway.accept(third ?? before.bytes, { challenge: before }), code("LINK_CHALLENGE_WRONG"));
  });

  test("FCLOCK: of two messages that answer one challenge at once, one is accepted", async () => {
    const world = await newWorld();
    const challenge = new Challenge(world.environment);
    const originate = async () => await new Party(world.office).originate(addressOf(world.gateway), { challenge: challenge.bytes });
    const messages = [await originate(), await originate()];
    const results = await Promise.allSettled(messages.map(({ message }) => new Party(world.gateway).accept(message, { challenge })));
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });
});
