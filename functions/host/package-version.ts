import { readFileSync } from "node:fs";

/** Returns the version of this package. A build leaves a copy of package.json above what it has built. */
export function packageVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
