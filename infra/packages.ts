import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, parse } from "node:path";
import { FanfoldError } from "../functions/core/errors.ts";

/** Packages that are not compiled into a bundle. */
export interface Unbundled {
  /** Packages that are left out. Nothing loads them, or the function has them from elsewhere. */
  readonly external: readonly string[];
  /** Packages that are installed beside the bundle, with all that they depend on. */
  readonly nodeModules: readonly string[];
}
export const ALL_BUNDLED: Unbundled = { external: [], nodeModules: [] };

/** The machine that a function runs on. Native packages differ by it. */
export interface Machine {
  readonly os: string;
  readonly cpu: string;
}
export const LAMBDA: Machine = { os: "linux", cpu: "arm64" };
/** Where an emulator runs functions as processes. */
export const THIS_MACHINE: Machine = { os: process.platform, cpu: process.arch };

/** Returns the folder of a package as a module finds it, and undefined when it is not installed. */
function folderOf(name: string, module: string): string | undefined {
  const above = createRequire(module).resolve.paths(name) ?? [];
  return above.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, "package.json")));
}

/** Lets code in `folder` import these packages as `module` does. Packages that are not installed are left out. */
export function linkPackages(names: readonly string[], module: string, folder: string): void {
  for (const name of names) {
    const target = folderOf(name, module);
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    if (target !== undefined && !existsSync(link)) symlinkSync(target, link, "dir");
  }
}

/**
 * Installs packages into `folder`/node_modules for another machine. Their versions are those that `module` finds. What
 * they depend on has the versions of its package-lock.json.
 * @throws FanfoldError `invalid_configuration` when one is not installed here, or cannot be installed there
 */
export function installPackages(names: readonly string[], module: string, folder: string, machine: Machine): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const dependencies = Object.fromEntries(names.map((name) => [name, versionOf(name, module)]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  for (const name of ["package-lock.json", ".npmrc"]) {
    const found = fileAbove(dirname(module), name);
    if (found !== undefined) copyFileSync(found, join(folder, name));
  }
  // A function has glibc. npm takes what is in its cache before it asks a registry.
  const target = [`--os=${machine.os}`, `--cpu=${machine.cpu}`, ...(machine.os === "linux" ? ["--libc=glibc"] : [])];
  const options = ["--omit=dev", "--omit=peer", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", ["install", ...target, ...options], { cwd: folder, stdio: ["ignore", 2, 2] });
  if (status !== 0)
    throw invalid(`npm cannot install ${names.join(", ")} for ${machine.os} on ${machine.cpu}; it says why above`);
}
function versionOf(name: string, module: string): string {
  const folder = folderOf(name, module);
  if (folder !== undefined)
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly version: string }).version;
  throw invalid(`nodeModules names ${name}, which is not installed: npm install ${name}`);
}
function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_configuration", message, { details: { field: "nodeModules" } });
}
function fileAbove(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  return folder === parse(folder).root ? undefined : fileAbove(dirname(folder), name);
}
