import assert from "node:assert/strict";
import { test } from "node:test";
import { challengeCodec, routes } from "@sealane/api";
import { systemRandom } from "@sealane/crypto";
import { mechanisms } from "@sealane/link";
import { decodeAs, equalBytes } from "@sealane/wire";
import { type Device, post } from "./device.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: "app", installed: [] } as const;

/** M0. */
async function challengeFrom({ url, nowSeconds }: TestServer): Promise<Uint8Array> {
  const { status, body } = await post(url + routes.challenges, new Uint8Array(0));
  const given = decodeAs(challengeCodec, body, { maxBytes: 64, what: "challenge" });
  assert.deepEqual([status, given.nowSeconds], [200, nowSeconds]);
  return given.challenge;
}

async function refusedCode(server: TestServer, device: Device, message: Uint8Array): Promise<string | undefined> {
  const { status, code } = await post(device.url + routes.links, message);
  assert.deepEqual([status, code], [403, "LINK_REFUSED"]);
  return server.codes.at(-1);
}

const begunByTerminals = Object.values(mechanisms).filter(({ broadcast, equations }) => !broadcast && equations.terminal !== undefined);

test("FCLOCK: every link that a terminal begins is established with a challenge in place of the time, once for each", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const device = await server.device("gate-1");
  for (const { name: mechanism } of begunByTerminals) {
    await t.test(`FCLOCK: ${mechanism}`, async () => {
      const challenge = await challengeFrom(server);
      const { message, awaited } = await device.originate({ mechanism, challenge });
      const reply = await post(device.url + routes.links, message);
      assert.equal(reply.status, 200, reply.code ?? "");
      assert.equal(equalBytes((await post(device.url + routes.links, message)).body, reply.body), true); // the first reply was lost
      using link = await device.receive(awaited, reply.body);
      assert.equal((await device.ask(link, offers)).kind, "offers");
      const again = await device.originate({ mechanism, challenge });
      assert.equal(await refusedCode(server, device, again.message), "LINK_CHALLENGE_WRONG");
    });
  }
});

test("FCLOCK: a challenge that this server did not give, or that is over, is refused", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  const [over, inTime] = [await challengeFrom(server), await challengeFrom(server)];
  const send = async (challenge: Uint8Array): Promise<string | undefined> =>
    await refusedCode(server, device, (await device.originate({ challenge })).message);
  assert.equal(await send(systemRandom.bytes(32)), "LINK_CHALLENGE_WRONG");
  server.nowSeconds += 60;
  (await device.establish({ challenge: inTime }))[Symbol.dispose]();
  server.nowSeconds += 1;
  assert.equal(await send(over), "LINK_CHALLENGE_WRONG");
});
