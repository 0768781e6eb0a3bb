import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";

/** Modules are TypeScript in a checkout, and JavaScript in the package. */
const ENDING = extname(import.meta.filename);
export const IS_CHECKOUT = ENDING === ".ts";

/**
 * Returns the folder that has `cli` and `functions`: that of the checkout, or `dist` of the package. A build moves what
 * several entries need into dist/chunks (build.ts), so a module cannot find others by its own place.
 */
export function codeFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "functions"))) folder = dirname(folder);
  return folder;
}
/** Returns the folder of package.json. */
export const packageFolder = (): string => (IS_CHECKOUT ? codeFolder() : dirname(codeFolder()));
/** Returns the path of a module that is an entry of the build, given its source without the ending. */
export const entryPath = (source: string): string => join(codeFolder(), source + ENDING);

/** What package.json says of this package. */
export interface PackageJson {
  readonly version: string;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
export function readPackageJson(): PackageJson {
  return JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8")) as PackageJson;
}
/** Returns the version of this package. */
export function packageVersion(): string {
  return readPackageJson().version;
}
