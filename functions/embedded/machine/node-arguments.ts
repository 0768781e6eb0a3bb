import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Flags of this process that a child must share: how modules are loaded. Not debuggers, which would fight over a port, nor one-off evaluations. */
const SHARED = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C|--max-old-space-size|--max-semi-space-size|--enable-source-maps)$/;

/** The path of a module beside another, `./name` without its extension: TypeScript among sources, JavaScript in what was built from them. */
export function modulePath(beside: string, name: string): string {
  return fileURLToPath(new URL(`${name}${extname(beside)}`, beside));
}

/**
 * Node's arguments for a worker process, so that it reads modules the way this process does. From sources (this file is TypeScript) that takes tsx, also
 * where something else than tsx runs this process, a test runner for instance; from the built package nothing.
 */
export function workerArguments(moduleUrl: string, parentArguments: readonly string[]): string[] {
  const kept = keptArguments(parentArguments);
  if (!moduleUrl.endsWith(".ts") || kept.some((argument) => /\btsx\b/.test(argument))) return kept;
  return [...kept, "--import", pathToFileURL(createRequire(moduleUrl).resolve("tsx")).href];
}
function keptArguments(all: readonly string[]): string[] {
  const kept: string[] = [];
  for (let k = 0; k < all.length; k++) {
    const argument = all[k] as string;
    const [flag = "", value] = argument.split(/=(.*)/s);
    if (!SHARED.test(flag)) continue;
    const following = all[k + 1];
    if (value !== undefined || flag === "--enable-source-maps") kept.push(argument);
    else if (following !== undefined) {
      kept.push(argument, following);
      k++;
    }
  }
  return kept;
}
