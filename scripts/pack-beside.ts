import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { root } from "./workspaces.ts";

/** How a source names a module that is started rather than imported, such as a worker. */
const besideUrl = /new URL\("(\.{1,2}\/[^"]+)\.ts",\s*import\.meta\.url\)/g;

/** What would look for a file beside the source, where the bundle is not. */
const lostFile = /new URL\("(?!\.\/[\w-]+\.js")[^"]*",\s*import\.meta\.url\)|import\.meta\.(?:dirname|filename)\b/;

/**
 * Points the URLs of started modules at their bundled form, which stands flat beside the chunks, and adds the modules to `found`
 * so that they can be built as entries. Throws a sentence when a source would look for another file beside itself.
 */
export function besideFiles(found: Set<string>): Plugin {
  return {
    name: "files beside a source",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const { text, modules } = pointFlat(await readFile(path, "utf8"));
        const lost = lostFile.exec(text);
        if (lost !== null) return { errors: [{ text: `${relative(root, path)} would not find ${lost[0]} once bundled.` }] };
        for (const module of modules) found.add(resolve(dirname(path), module));
        return { contents: text, loader: "ts" };
      });
    },
  };
}

/** Rewrites one source; `modules` are the paths of the started modules, relative to it. */
export function pointFlat(source: string): { readonly text: string; readonly modules: readonly string[] } {
  const modules: string[] = [];
  const text = source.replace(besideUrl, (_, path: string) => {
    modules.push(`${path}.ts`);
    return `new URL("./${path.split("/").at(-1)}.js", import.meta.url)`;
  });
  return { text, modules };
}
