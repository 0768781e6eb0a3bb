import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const { packages } = read("package-lock.json") as { packages: Readonly<Record<string, LockEntry>> };

/** Node's lookup: beside the package, then upward. */
function isLocked(from: string, name: string): boolean {
  if (packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`]) return true;
  return from !== "" && isLocked(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
}

describe("package-lock.json", () => {
  // A registry that carries only some platforms leaves the others out; `npm ci` then fails wherever they can be found.
  it("names every platform's optional packages", () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .filter((name) => !isLocked(path, name))
        .map((name) => `${name} (of ${path})`),
    );
    expect(missing).toEqual([]);
  });
  it("points at no registry but the public one", () => {
    const elsewhere = Object.values(packages).filter(
      ({ resolved }) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
    );
    expect(elsewhere).toEqual([]);
  });
  it("comes from exact versions", () => {
    const { dependencies, devDependencies } = read("package.json") as LockEntry & {
      devDependencies: Record<string, string>;
    };
    expect(
      Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    ).toEqual([]);
  });
});
