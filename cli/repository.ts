import { readFileSync } from "node:fs";
import { extname, relative, resolve } from "node:path";

/** The folder of the checkout or package that this command belongs to. A built command lies in dist/cli. */
export const REPOSITORY = resolve(import.meta.dirname, extname(import.meta.filename) === ".ts" ? ".." : "../..");
/** Returns the path of a module that fanfold.config.ts names. A built command takes what was built of it. */
export function moduleOfConfig(path: string): string {
  return resolve(import.meta.dirname, "..", path.replace(/\.ts$/, extname(import.meta.filename)));
}
export const DEFAULT_DATA = ".fanfold/dev";
export const DEFAULT_PORT = 7420;

export function version(): string {
  return (JSON.parse(readFileSync(resolve(REPOSITORY, "package.json"), "utf8")) as { version: string }).version;
}

/** Returns how the user calls this command, for hints that can be copied. */
export function callAs(): string {
  return process.env["npm_lifecycle_event"] === undefined ? "fanfold" : "npm run fanfold --";
}

/** Returns a further command on the same data folder, for hints that can be copied. */
export function further(data: string, words: string): string {
  if (data === resolve(DEFAULT_DATA)) return `${callAs()} ${words}`;
  const shown = shortPath(data);
  return `${callAs()} ${words} --data ${/^[\w./@:+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`}`;
}
/** Returns the path relative to the working folder when it lies below, and else as it is. */
export function shortPath(path: string): string {
  const route = relative(process.cwd(), path);
  return route === "" || route === ".." || route.startsWith("../") ? path : route;
}
