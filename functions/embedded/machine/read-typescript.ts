import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { FanfoldError } from "../../core/errors.ts";
import { IS_CHECKOUT } from "../../host/own-files.ts";

/** The endings of modules that only Node from 22.18 on reads by itself. */
const TYPESCRIPT = /\.[cm]?tsx?$/;

let reading: Promise<unknown> | undefined;

/**
 * Lets this process import a module and what it imports, if that is TypeScript. Sources are read as the project of the
 * module reads them: with tsx where it is installed, else as Node does by itself.
 * @throws FanfoldError `invalid_configuration` when neither can
 */
export async function readTypeScript(path: string): Promise<void> {
  if (!TYPESCRIPT.test(path) || readsAlready()) return;
  const tsx = findTsx(path, "tsx");
  if (tsx !== undefined) await (reading ??= import(tsx));
  else requireTypeScript(path);
}
/**
 * Returns the modules whose `register` lets a new thread import a module and what it imports. tsx itself does nothing in
 * a thread, not even for the arguments of its process.
 * @throws FanfoldError `invalid_configuration` when neither tsx nor Node can read it
 */
export function threadReaders(path: string): readonly string[] {
  if (!TYPESCRIPT.test(path) && !IS_CHECKOUT) return [];
  // `require` finds what is meant for it. The modules lie beside that.
  const readers = ["tsx/cjs/api", "tsx/esm/api"].flatMap(
    (name) => findTsx(path, name)?.replace(/\.cjs$/, ".mjs") ?? [],
  );
  if (readers.length === 0) requireTypeScript(path);
  return readers;
}
function requireTypeScript(path: string): void {
  if ((process.features as { readonly typescript?: string | false }).typescript) return;
  throw new FanfoldError(
    "invalid_configuration",
    `Node ${process.version} cannot read ${path}: run \`npm install --save-dev tsx\`, or use Node 22.18 or newer`,
    { details: { field: path } },
  );
}

/** Whether a loader that reads TypeScript was named when this process began. This module may itself be a source. */
function readsAlready(): boolean {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""];
  return IS_CHECKOUT || given.some((argument) => /\btsx\b/.test(argument));
}
/** Finds a module of tsx as the module would, else as this package would. */
function findTsx(path: string, name: string): string | undefined {
  for (const from of [path, import.meta.filename]) {
    try {
      return pathToFileURL(createRequire(from).resolve(name)).href;
    } catch {
      // It is not installed there.
    }
  }
  return undefined;
}
