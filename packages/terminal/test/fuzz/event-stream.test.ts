import { test } from "node:test";
import { formatInboxEvent, inboxHeartbeat, parseInboxEvent } from "@sealane/api";
import { FuzzFinding, type FuzzTarget, fuzz, fuzzEffort } from "@sealane/testkit/fuzz";
import { SealaneError } from "@sealane/wire";
import { partsOf } from "../../src/event-stream.ts";

/** What a stream says, as text, or the code that it is refused with. */
async function said(input: Uint8Array, pieceBytes: number): Promise<{ readonly text: string; readonly refusal: SealaneError | null }> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < input.length; at += pieceBytes) yield input.subarray(at, at + pieceBytes);
  }
  let text = "";
  try {
    for await (const parts of partsOf(pieces())) {
      for (const part of parts) text += part.kind === "comment" ? inboxHeartbeat : formatInboxEvent(parseInboxEvent(part));
    }
    return { text, refusal: null };
  } catch (error) {
    if (error instanceof SealaneError) return { text, refusal: error };
    throw error;
  }
}

test("EQ1: a changed event stream is refused by a listed code, or says the same however it is cut", async () => {
  const events = [1, 2, 30].map((position) => formatInboxEvent({ position, message: new Uint8Array(20 * position).fill(position) }));
  const target: FuzzTarget = {
    name: "event stream",
    corpus: [inboxHeartbeat + events.join(inboxHeartbeat), events.join("").replaceAll("\n", "\r\n")].map((text) => Buffer.from(text)),
    feed: async (input) => {
      const whole = await said(input, input.length + 1);
      for (const pieceBytes of [1, 7, 1_000]) {
        const cut = await said(input, pieceBytes);
        const isSame = whole.refusal === null ? cut.refusal === null && cut.text === whole.text : cut.refusal?.code === whole.refusal.code;
        if (!isSame) throw new FuzzFinding(`in pieces of ${pieceBytes}: ${cut.refusal?.code ?? cut.text}`);
      }
      if (whole.refusal !== null) throw whole.refusal;
    },
  };
  const { runs, codes, slowestMilliseconds } = await fuzz(target, fuzzEffort(150));
  process.stdout.write(`event stream: ${runs} inputs, ${JSON.stringify([...codes])}, slowest ${slowestMilliseconds.toFixed(0)} ms\n`);
});
