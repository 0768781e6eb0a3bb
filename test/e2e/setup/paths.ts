import { join, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
/** Kept between runs, ignored by git: the emulators, and the logs of the last run. */
export const CACHE = join(REPOSITORY, ".e2e");
/** Folders of what is installed: packages of npm for all emulators, and Python environments. */
export const INSTALLED = {
  packages: join(CACHE, "npm"),
  ministack: join(CACHE, "ministack"),
  localstack: join(CACHE, "localstack"),
} as const;
export const RUN = join(CACHE, process.env["FANFOLD_E2E_FOLDER"] ?? "run");
/** Emptied before and after a run: what emulators unpack and write. */
export const TEMPORARY = join(RUN, "tmp");
export const logFile = (name: string): string => join(RUN, `${name}.log`);
