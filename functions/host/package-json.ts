import { readFileSync } from "node:fs";

/** What package.json says of this package. */
export interface PackageJson {
  readonly version: string;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
/** Reads package.json. A build leaves a copy above what it has built. */
export function readPackageJson(): PackageJson {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PackageJson;
}
/** Returns the version of this package. */
export function packageVersion(): string {
  return readPackageJson().version;
}
