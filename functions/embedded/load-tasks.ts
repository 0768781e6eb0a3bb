import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FanfoldError } from "../core/errors.ts";
import { type Exports, importTasks, loadTaskModule, type TaskModule } from "../sdk/module.ts";
import { readTypeScript } from "./machine/read-typescript.ts";

/**
 * Loads the tasks and workflows of a module, given its path or file URL.
 * @throws FanfoldError `invalid_tasks` when it cannot be loaded, or when two `export *` hide a name;
 * `invalid_configuration` when it is TypeScript, which this Node does not read
 */
export async function loadTasksOf(module: string): Promise<TaskModule> {
  const url = module.startsWith("file:") ? module : pathToFileURL(resolve(module)).href;
  await readTypeScript(fileURLToPath(url));
  const exports = await importTasks(fileURLToPath(url), () => import(url) as Promise<Exports>);
  await refuseHidden(url, exports);
  return loadTaskModule(exports);
}

const STAR = /^\s*export\s*\*\s*from\s*["'](\.{1,2}\/[^"']+)["']/gm;
/** Refuses names that two `export *` of the module give. JavaScript exports neither, and does not say so. */
async function refuseHidden(url: string, exports: Exports, seen = new Set<string>()): Promise<void> {
  if (seen.has(url)) return;
  seen.add(url);
  const from = new Map<string, string>();
  for (const [, path = ""] of readFileSync(fileURLToPath(url), "utf8").matchAll(STAR)) {
    const star = sourceOf(new URL(path, url).href);
    if (star === undefined) continue;
    const starred = (await import(star)) as Exports;
    for (const name of Object.keys(starred)) {
      if (name === "default") continue;
      if (!Object.hasOwn(exports, name) && from.has(name)) throw hidden(name, from.get(name) ?? "", path, url);
      from.set(name, path);
    }
    await refuseHidden(star, starred, seen);
  }
}
/** Returns the file that an import means. TypeScript lets it name the built file, or leave the ending out. */
function sourceOf(url: string): string | undefined {
  const named = [url, url.replace(/\.([cm]?)js$/, ".$1ts"), `${url}.ts`, `${url}/index.ts`, `${url}.js`];
  return named.find((each) => /\.[cm]?[jt]s$/.test(each) && existsSync(fileURLToPath(each)));
}
function hidden(name: string, one: string, other: string, url: string): FanfoldError {
  const path = fileURLToPath(url);
  return new FanfoldError(
    "invalid_tasks",
    `${path} exports ${name} twice, from ${one} and from ${other}, so JavaScript exports neither: rename one, or add \`export { ${name} } from "${other}";\``,
    { details: { path, name } },
  );
}
