import { join, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
/** Kept between runs, ignored by git: the emulators, and the logs of the last run. */
export const CACHE = join(REPOSITORY, ".e2e");
export const INSTALLED = {
  python: join(CACHE, "venv", "bin", "python"),
  ministack: join(CACHE, "venv", "bin", "ministack"),
  packages: join(CACHE, "npm"),
  stamp: join(CACHE, "installed.json"),
} as const;
export const RUN = join(CACHE, "run");
export const logFile = (name: string): string => join(RUN, `${name}.log`);
