import { relative, resolve } from "node:path";
import { entryPath, IS_CHECKOUT, packageFolder } from "../functions/host/own-files.ts";

/** The folder of the checkout or package that this command belongs to. */
export const REPOSITORY = packageFolder();
/** The module of the demo's tasks. */
export const DEMO_TASKS = entryPath("functions/tasks/inventory/index");
export const DEFAULT_DATA = ".fanfold/dev";
export const DEFAULT_PORT = 7420;

/** Returns how the user calls this command, for hints that can be copied. */
export function callAs(): string {
  if (!IS_CHECKOUT) return "npx fanfold";
  return process.env["npm_lifecycle_event"] === undefined ? "fanfold" : "npm run fanfold --";
}
/** Returns how the user calls a command that has a script of its own in a checkout. */
export function callScript(name: "demo" | "dev", args = ""): string {
  const [call, dashes] = IS_CHECKOUT ? [`npm run ${name}`, " --"] : [`npx fanfold ${name}`, ""];
  return args === "" ? call : `${call}${dashes} ${args}`;
}

/** How the call has named its server: the further commands of its hints name it, too. */
let targetWords: string | undefined;
export function nameTarget(words: string | undefined): void {
  targetWords = words;
}

/** Returns a further command on the same data folder or server, for hints that can be copied. */
export function further(data: string, words: string): string {
  if (targetWords !== undefined) return `${callAs()} ${words}${targetWords}`;
  if (data === resolve(DEFAULT_DATA)) return `${callAs()} ${words}`;
  const shown = shortPath(data);
  return `${callAs()} ${words} --data ${/^[\w./@:+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`}`;
}
/** Returns the path relative to the working folder when it lies below, and else as it is. */
export function shortPath(path: string): string {
  const route = relative(process.cwd(), path);
  return route === "" || route === ".." || route.startsWith("../") ? path : route;
}
