import assert from "node:assert/strict";
import { test } from "node:test";
import { addressGroupOf, isAmong } from "../../src/http/address-group.ts";
import { ConnectionBudget, type Counted } from "../../src/http/connection-budget.ts";

test("one address is an IPv4 address in every form, or a /64 of IPv6", () => {
  const same = [
    ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:192.0.2.1"],
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0DB8:0001:0002::", "2001:db8:1:2:0:0:0:9%eth0"],
    ["::1", "::2", "0:0:0:0:5:6:7:8", "::1.2.3.4"],
    ["fe80::1%eth0", "fe80::2"],
  ];
  for (const group of same) assert.equal(new Set(group.map(addressGroupOf)).size, 1, group.join(" "));
  assert.equal(
    new Set([...same.map(([first = ""]) => addressGroupOf(first)), addressGroupOf("2001:db8:1:3::1"), addressGroupOf("192.0.2.2")]).size,
    6,
  );
});

test("proxies are addresses, networks and the names of networks", () => {
  const isProxy = isAmong(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "loopback"]);
  for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::9", "127.0.0.1", "::1"])
    assert.equal(isProxy(address), true, address);
  for (const address of ["11.0.0.1", "192.0.2.8", "2001:db9::9"]) assert.equal(isProxy(address), false, address);
});

/** A budget, and the names of those that were ended for newer ones. */
function newBudget(perAddress: number, perTerminal = 2) {
  const budget = new ConnectionBudget({ perAddress, perTerminal });
  const ended: string[] = [];
  const admit = (name: string, address = "192.0.2.1"): Counted | null => budget.admit(address, () => void ended.push(name));
  const taken = (name: string, address?: string): Counted => admit(name, address) ?? assert.fail(`${name} was not admitted`);
  return { budget, ended, admit, taken };
}

test("an address that is full gives the place of its oldest idle connection to a newer one", () => {
  const { budget, ended, admit, taken } = newBudget(2);
  taken("first").busy++;
  const second = taken("second");
  const third = taken("third");
  assert.deepEqual(ended, ["second"]);
  budget.release(second); // its socket has closed: counted once
  third.busy++;
  assert.equal(admit("fourth"), null);
  assert.notEqual(admit("elsewhere", "192.0.2.2"), null);
  third.busy--;
  assert.notEqual(admit("fifth"), null);
  assert.deepEqual(ended, ["second", "third"]);
});

test("500 terminals behind one address keep their connections while a stranger there opens all it can", () => {
  const { budget, ended, taken } = newBudget(8);
  const gateways = Array.from({ length: 500 }, (_, index) => {
    const counted = taken(`gateway-${index}`);
    budget.prove(counted, `gateway-${index}`);
    return counted;
  });
  for (let i = 0; i < 1_000; i++) taken("stranger");
  assert.deepEqual([ended.length, new Set(ended)], [992, new Set(["stranger"])]);
  const again = taken("gateway-0"); // a gateway that comes anew has a place too
  budget.prove(again, "gateway-0");
  for (let i = 0; i < 8; i++) taken("stranger");
  assert.deepEqual([new Set(ended), again.terminal], [new Set(["stranger"]), "gateway-0"]);
  for (const each of [...gateways, again]) budget.release(each);
});

test("a terminal has so many connections of its own, the next ones count for their address", () => {
  const { budget, taken } = newBudget(8, 2);
  const all = [taken("a"), taken("b"), taken("c")];
  for (const each of all) budget.prove(each, "gate-1");
  assert.deepEqual(
    all.map(({ terminal }) => terminal),
    ["gate-1", "gate-1", null],
  );
  const [first = assert.fail(), , third = assert.fail()] = all;
  budget.release(first);
  budget.release(first);
  budget.prove(third, "gate-1");
  assert.equal(third.terminal, "gate-1");
  const another = taken("d");
  budget.prove(another, "gate-1");
  assert.equal(another.terminal, null);
});
