import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { FanfoldError } from "../../core/errors.ts";

let reading: Promise<unknown> | undefined;

/**
 * Lets this process import a module and what it imports, if that is TypeScript. Sources are read as the project of the
 * module reads them: with tsx where it is installed, else as Node does by itself.
 * @throws FanfoldError `invalid_configuration` when neither can
 */
export async function readTypeScript(path: string): Promise<void> {
  if (!/\.[cm]?tsx?$/.test(path) || readsAlready()) return;
  const tsx = findTsx(path);
  if (tsx !== undefined) await (reading ??= import(tsx));
  else if (!(process.features as { readonly typescript?: string | false }).typescript)
    throw new FanfoldError(
      "invalid_configuration",
      `Node ${process.version} cannot read ${path}: run \`npm install --save-dev tsx\`, or use Node 22.18 or newer`,
      { details: { field: path } },
    );
}

/** Whether a loader that reads TypeScript was named when this process began. This module may itself be a source. */
function readsAlready(): boolean {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""];
  return import.meta.filename.endsWith(".ts") || given.some((argument) => /\btsx\b/.test(argument));
}
/** Finds tsx as the module would, else as this package would. */
function findTsx(path: string): string | undefined {
  for (const from of [path, import.meta.filename]) {
    try {
      return pathToFileURL(createRequire(from).resolve("tsx")).href;
    } catch {
      // It is not installed there.
    }
  }
  return undefined;
}
