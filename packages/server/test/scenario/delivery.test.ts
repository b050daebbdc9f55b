import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOf, routes } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { ArtefactOpener, parseLicence, verifyLicence } from "@sealane/software";
import { TestServer } from "./test-server.ts";

test("EQ5 LIC UNI: a terminal establishes a link, is licensed and opens what it downloaded", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const device = await server.device("gate-1");
  using link = await device.establish();
  const offered = await device.ask(link, { kind: "offers", module: null, installed: [] });
  assert.ok(offered.kind === "offers");
  assert.deepEqual(
    offered.offers.map(({ version }) => version),
    ["1.0"],
  );
  const granted = await device.ask(link, { kind: "licence", artefactId: prepared.artefactId });
  assert.ok(granted.kind === "licence");
  console.log(server.codes, parseLicence(granted.licence).licence.recipient, sha256, ArtefactOpener, verifyLicence, pathOf, routes);
});
