import assert from "node:assert/strict";
import { chmod, copyFile, cp, link, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import type { VerifiedLicence } from "@sealane/software";
import { type CborValue, concatBytes, decode, encode } from "@sealane/wire";
import { loadTrust } from "../../src/identity.ts";
import { install } from "../../src/index.ts";
import { verifyInstalled } from "../../src/installed-check.ts";
import { removeTree } from "../../src/remove-tree.ts";
import { proveSlot } from "../../src/slot.ts";
import { SlotFolder } from "../../src/state-folder.ts";
import { tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { temporaryFolder } from "../double/temporary-folder.ts";
import { TestTerminal } from "../double/test-terminal.ts";

/** One installation for all tests; each works on a copy of its slot. */
let original: { readonly archive: Uint8Array; readonly slot: SlotFolder; readonly licence: VerifiedLicence };
let parent: string;

const files = { "bin/run": 0o555, "bin/other": 0o555, big: 0o444, empty: 0o444 } as const;

/** Copies the slot, changes the copy and proves it again. */
async function afterChange(
  t: TestContext,
  change: (slot: SlotFolder) => Promise<void>,
  modes: Readonly<Record<string, number>> = files,
): Promise<void> {
  const slot = new SlotFolder(join(await temporaryFolder(t), "slot"));
  await cp(original.slot.path, slot.path, { recursive: true, verbatimSymlinks: true });
  for (const path of ["", "bin", ...Object.keys(files)]) await chmod(join(slot.software, path), 0o755);
  await secondName(slot, "bin/other"); // the copy made another file of it
  await change(slot);
  for (const [path, mode] of Object.entries(modes)) await chmod(join(slot.software, path), mode).catch(() => {});
  await verifyInstalled(slot, original.licence, () => {});
}

/** Gives a file its second name. */
async function secondName({ software }: SlotFolder, of: string): Promise<void> {
  await rm(join(software, "alias"));
  await link(join(software, of), join(software, "alias"));
}

const changes: Readonly<Record<string, (slot: SlotFolder) => Promise<void>>> = {
  "a byte of a file": async ({ software }) => await writeFile(join(software, "bin/run"), "#!/bin/sh\nexit 2\n"),
  "a file's end": async ({ software }) => await writeFile(join(software, "big"), new Uint8Array(299_999).fill(7)),
  "an empty file": async ({ software }) => await writeFile(join(software, "empty"), "x"),
  "a file that is gone": async ({ software }) => await rm(join(software, "big")),
  "a file more": async ({ software }) => await writeFile(join(software, "bin/plugin.so"), "x"),
  "a folder more": async ({ software }) => await mkdir(join(software, "node_modules")),
  "a link more": async ({ software }) => await symlink("bin", join(software, "usr")),
  "a link that leads elsewhere": async ({ software }) => {
    await rm(join(software, "link"));
    await symlink("bin/other", join(software, "link"));
  },
  "a link in place of a file with the same content": async ({ software }) => {
    await rename(join(software, "big"), join(software, "../big"));
    await symlink("../big", join(software, "big"));
  },
  "a link in place of a folder with the same content": async ({ software }) => {
    await rename(join(software, "bin"), join(software, "../bin"));
    await symlink("../bin", join(software, "bin"));
  },
  "two programs exchanged, and their places in the layout": async ({ software, layout }) => {
    await rename(join(software, "bin/run"), join(software, "bin/x"));
    await rename(join(software, "bin/other"), join(software, "bin/run"));
    await rename(join(software, "bin/x"), join(software, "bin/other"));
    const exchanged: Readonly<Record<string, string>> = { "bin/run": "bin/other", "bin/other": "bin/run" };
    await writeFile(
      layout,
      withPaths(await readFile(layout), (path) => exchanged[path] ?? path),
    );
  },
  "the right content in the layout and another in the file": async ({ software, layout }) => {
    await writeFile(join(software, "bin/run"), "#!/bin/sh\nexit 2\n");
    await writeFile(layout, literalLayout(original.archive));
  },
  "a copy in place of a hard link": async ({ software }) => {
    await rm(join(software, "alias"));
    await copyFile(join(software, "bin/other"), join(software, "alias"));
    await chmod(join(software, "alias"), 0o555);
  },
  "a hard link to another file": async (slot) => await secondName(slot, "bin/run"),
  "a symbolic link in place of a hard link": async ({ software }) => {
    await rm(join(software, "alias"));
    await symlink("bin/other", join(software, "alias"));
  },
  "no hard link": async ({ software }) => await rm(join(software, "alias")),
  "no layout": async ({ layout }) => await rm(layout),
  "a layout that is cut": async ({ layout }) => await writeFile(layout, (await readFile(layout)).subarray(0, -3)),
  "a layout that takes a file from elsewhere": async ({ software, layout }) => {
    await copyFile(join(software, "big"), join(software, "../big"));
    await writeFile(
      layout,
      withPaths(await readFile(layout), (path) => (path === "big" ? "../big" : path)),
    );
  },
};

describe("an installed archive", () => {
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "sealane-terminal-"));
    const archive = await tarOf([
      { name: "bin/", type: "directory" },
      { name: "bin/run", mode: 0o755, content: "#!/bin/sh\nexit 0\n" },
      { name: "bin/other", mode: 0o755, content: "#!/bin/sh\nexit 1\n" },
      { name: "big", content: new Uint8Array(300_000).fill(7) },
      { name: "empty", content: "" },
      { name: "link", type: "symlink", linkname: "bin/run" },
      { name: "alias", type: "link", linkname: "bin/other" },
    ]);
    const world = await TestTerminal.createIn(join(parent, "state"));
    await world.stage({ format: "tar", entry: "bin/run", content: archive });
    await install(world.terminal);
    const slot = world.terminal.folder.module("hmi").slot(1);
    const trust = await loadTrust(world.terminal);
    const { licence } = await proveSlot(slot, { terminal: world.terminal, trust, module: "hmi", sequence: 1 });
    original = { archive, slot, licence };
  });

  after(async () => await removeTree(parent));

  test("PERMIT: what is installed is put together again to the very archive that the licence names", async (t) => {
    await afterChange(t, async () => {});
  });

  for (const [path, mode] of [
    ["big", 0o644],
    ["bin/run", 0o4555],
    ["bin/other", 0o444],
  ] as const) {
    test(`PERMIT: another mode of ${path} is noticed`, async (t) => {
      await assert.rejects(
        afterChange(t, async () => {}, { ...files, [path]: mode }),
        code("TERMINAL_SOFTWARE_CHANGED"),
      );
    });
  }

  for (const [what, change] of Object.entries(changes)) {
    test(`PERMIT: ${what} is noticed`, async (t) => {
      await assert.rejects(afterChange(t, change), code("TERMINAL_SOFTWARE_CHANGED"));
    });
  }
});

test("PERMIT: another mode is noticed", async (t) => {
  const world = await TestTerminal.create(t);
  const { terminal } = world;
  await world.stage({});
  await install(terminal);
  const slot = terminal.folder.module("hmi").slot(1);
  const { licence } = await proveSlot(slot, { terminal, trust: await loadTrust(terminal), module: "hmi", sequence: 1 });
  await chmod(join(slot.software, "hmi"), 0o4755);
  await assert.rejects(verifyInstalled(slot, licence, terminal.onEvent), code("TERMINAL_SOFTWARE_CHANGED"));
});

test("LIC PERMIT: a slot under the licence of another version or module is refused", async (t) => {
  const world = await TestTerminal.create(t);
  const { terminal } = world;
  await world.stage({ sequence: 1 });
  await install(terminal);
  const slot = terminal.folder.module("hmi").slot(1);
  const other = await world.stage({ module: "hmi", sequence: 2, content: new Uint8Array(4) });
  await writeFile(slot.licence, other.licence);
  await writeFile(slot.release, other.release);
  const place = { terminal, trust: await loadTrust(terminal), module: "hmi", sequence: 1 };
  await assert.rejects(proveSlot(slot, place), code("TERMINAL_LICENCE_CONTRADICTS"));
  const same = await world.stage({ module: "hmi", sequence: 1, content: new Uint8Array(5) });
  await writeFile(slot.licence, same.licence);
  await writeFile(slot.release, same.release);
  const { licence } = await proveSlot(slot, place);
  await assert.rejects(verifyInstalled(slot, licence, terminal.onEvent), code("TERMINAL_SOFTWARE_CHANGED"));
});

/** A layout that needs no installed file at all. */
function literalLayout(bytes: Uint8Array): Uint8Array {
  const pieces: CborValue[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) pieces.push(["bytes", bytes.subarray(at, at + 65_536)]);
  return layoutOf(pieces);
}

function withPaths(layout: Uint8Array, change: (path: string) => string): Uint8Array {
  const pieces: CborValue[] = [];
  const view = new DataView(layout.buffer, layout.byteOffset, layout.byteLength);
  for (let at = 0; at < layout.length; at += 4 + view.getUint32(at)) {
    const piece = decode(layout.subarray(at + 4, at + 4 + view.getUint32(at)), 100_000);
    assert.ok(Array.isArray(piece));
    const [kind, path, bytes] = piece;
    pieces.push(kind === "file" ? [kind, change(String(path)), bytes] : piece);
  }
  return layoutOf(pieces);
}

function layoutOf(pieces: readonly CborValue[]): Uint8Array {
  const framed = pieces.map((piece) => {
    const encoded = encode(piece);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, encoded.length);
    return concatBytes(length, encoded);
  });
  return concatBytes(...framed);
}
