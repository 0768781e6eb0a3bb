import { join, resolve } from "node:path";

export const REPOSITORY = resolve(import.meta.dirname, "../../..");
/** The folder of the emulators and of the last run's logs. It is kept between runs and ignored by git. */
export const CACHE = join(REPOSITORY, ".e2e");
/** Folders of installed programs: npm packages for all emulators, and Python environments. */
export const INSTALLED = {
  packages: join(CACHE, "npm"),
  ministack: join(CACHE, "ministack"),
  localstack: join(CACHE, "localstack"),
} as const;
export const RUN = join(CACHE, process.env["FANFOLD_E2E_FOLDER"] ?? "run");
/** The folder that emulators unpack and write into. It is emptied before and after a run. */
export const TEMPORARY = join(RUN, "tmp");
export const logFile = (name: string): string => join(RUN, `${name}.log`);
