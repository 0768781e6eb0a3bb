import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * Flags of this process that a child must share, which are those about loading modules and memory. Debuggers are
 * excluded since they would share a port, and so are one-off evaluations.
 */
const SHARED =
  /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C|--max-old-space-size|--max-semi-space-size|--enable-source-maps)$/;

/**
 * Returns Node's arguments for a worker process, so that it loads modules as this process does. Sources need tsx, even
 * when another loader, such as a test runner's, runs this process. The built package needs nothing.
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
