import { readFileSync } from "node:fs";
import { extname, relative, resolve } from "node:path";

/** The folder of the checkout or package this command belongs to. */
export const REPOSITORY = resolve(import.meta.dirname, extname(import.meta.filename) === ".ts" ? ".." : "../.."); // built: dist/cli
export const DEFAULT_TASKS = resolve(import.meta.dirname, `../functions/tasks/index${extname(import.meta.filename)}`);
export const DEFAULT_DATA = ".fanfold/dev";
export const DEFAULT_PORT = 7420;

export function version(): string {
  return (JSON.parse(readFileSync(resolve(REPOSITORY, "package.json"), "utf8")) as { version: string }).version;
}

/** How the user calls this command, for hints that can be copied. */
export function callAs(): string {
  return process.env["npm_lifecycle_event"] === undefined ? "fanfold" : "npm run fanfold --";
}

/** A further command on the same data folder, to be copied. */
export function further(data: string, words: string): string {
  if (data === resolve(DEFAULT_DATA)) return `${callAs()} ${words}`;
  const shown = shortPath(data);
  return `${callAs()} ${words} --data ${/^[\w./@:+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`}`;
}
/** From here, when it lies below. */
export function shortPath(path: string): string {
  const way = relative(process.cwd(), path);
  return way === "" || way === ".." || way.startsWith("../") ? path : way;
}
