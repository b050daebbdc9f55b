import { exitCodes } from "@sealane/wire";
import { flipped, inReply, inRequest, type MessageFault, nonCanonical, oversized, trailing, truncated, unknown } from "./message-faults.ts";
import type { TamperBench, TamperCase } from "./tamper-bench.ts";
import type { Fault } from "./tampering-proxy.ts";

/** Faults of messages and records on their way between a terminal that fetches and the server. */

const toLinks: Fault["on"] = ({ method, path }) => method === "POST" && path === "/v1/links";
const toRecords: Fault["on"] = ({ method, path }) => method === "POST" && path.startsWith("/v1/links/");

/** The third exchange of a fetch: the request for the licence, behind that for the offers. */
const toLicence = (bench: TamperBench): Fault["on"] => {
  return (request) => toRecords(request) && bench.proxy.seen.some((seen) => toRecords(seen.request));
};

const { notTrusted, incompatible, usage } = exitCodes;

/** What the terminal says of a wrong answer, which it reads itself. */
const answers: readonly (readonly [string, MessageFault, TamperCase["exit"], string])[] = [
  ["of an unknown version", unknown("version"), incompatible, "LINK_VERSION_UNKNOWN"],
  ["of an unknown mechanism", unknown("mechanism"), incompatible, "LINK_MECHANISM_UNKNOWN"],
  ["of an unknown suite", unknown("suite"), incompatible, "CRYPTO_SUITE_UNKNOWN"],
  ["with another number", unknown("number"), notTrusted, "LINK_MESSAGE_UNEXPECTED"],
  ["truncated", truncated, notTrusted, "WIRE_TRUNCATED"],
  ["with a byte behind it", trailing, notTrusted, "WIRE_TRAILING_BYTES"],
  ["oversized", oversized, notTrusted, "WIRE_SIZE_EXCEEDED"],
  ["in another encoding", nonCanonical, notTrusted, "WIRE_NOT_DETERMINISTIC"],
  ["with one bit changed", flipped, notTrusted, "LINK_ANSWER_WRONG"],
];

/** What the server has in its log of a wrong M1; the terminal is told that it was refused, and no more. */
const firsts: readonly (readonly [string, MessageFault, string])[] = [
  ["of an unknown version", unknown("version"), "LINK_VERSION_UNKNOWN"],
  ["of an unknown mechanism", unknown("mechanism"), "LINK_MECHANISM_UNKNOWN"],
  ["of an unknown suite", unknown("suite"), "CRYPTO_SUITE_UNKNOWN"],
  ["truncated", truncated, "WIRE_TRUNCATED"],
  ["with a byte behind it", trailing, "WIRE_TRAILING_BYTES"],
  ["in another encoding", nonCanonical, "WIRE_NOT_DETERMINISTIC"],
  ["with one bit changed", flipped, "LINK_RECIPIENT_WRONG"],
];

export const linkCases: readonly TamperCase[] = [
  ...answers.map(([how, fault, exit, code]) => fetchCase(`answer ${how}`, { exit, code }, () => inReply(toLinks, fault))),
  ...firsts.map(([how, fault, logged]) =>
    fetchCase(`M1 ${how}`, { exit: notTrusted, code: "LINK_REFUSED", logged }, () => inRequest(toLinks, fault)),
  ),
  fetchCase("M1 oversized", { exit: usage, code: "API_BODY_TOO_LARGE" }, () => inRequest(toLinks, oversized)),
  fetchCase("record changed on its way to the server", { exit: notTrusted, code: "LINK_REFUSED", logged: "LINK_RECORD_WRONG" }, () =>
    inRequest(toRecords, flipped),
  ),
  fetchCase("licence changed on its way", { exit: notTrusted, code: "LINK_RECORD_WRONG" }, (bench) => inReply(toLicence(bench), flipped)),
  fetchCase("licence truncated on its way", { exit: notTrusted, code: "WIRE_TRUNCATED" }, (bench) => inReply(toLicence(bench), truncated)),
  fetchCase("an earlier record in place of the licence", { exit: notTrusted, code: "LINK_RECORD_OUT_OF_ORDER" }, (bench) => ({
    on: toLicence(bench),
    reply: (reply) => ({ ...reply, body: bench.proxy.seen.findLast(({ request }) => toRecords(request))?.reply.body ?? reply.body }),
  })),
  {
    name: "a mechanism that nobody knows is asked for",
    exit: incompatible,
    codes: ["LINK_MECHANISM_UNKNOWN"],
    meet: (bench) => bench.fetch("--mechanism", "trust-me"),
  },
  {
    name: "a suite that nobody knows is asked for",
    exit: incompatible,
    codes: ["CRYPTO_SUITE_UNKNOWN"],
    meet: (bench) => bench.fetch("--suite", "rot13"),
  },
];

function fetchCase(
  name: string,
  expected: { readonly exit: TamperCase["exit"]; readonly code: string; readonly logged?: string },
  fault: (bench: TamperBench) => Fault,
): TamperCase {
  const { exit, code, logged } = expected;
  return {
    name,
    exit,
    codes: [code],
    ...(logged === undefined ? {} : { logged }),
    async meet(bench) {
      bench.proxy.fault = fault(bench);
      return await bench.fetch();
    },
  };
}
