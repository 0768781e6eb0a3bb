import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import { FanfoldError } from "../functions/core/errors.ts";
import { isFanfoldError } from "../functions/core/task/error-data.ts";
import { readTypeScript } from "../functions/embedded/machine/read-typescript.ts";
import { defineConfig, type Settings } from "../functions/sdk/config.ts";
import { callAs, REPOSITORY } from "./repository.ts";

/** What a command works on: the settings of fanfold.config.ts, and the module of tasks that they name. */
export interface Project {
  readonly settings: Settings;
  /** Absolute path. */
  readonly tasksModule: string;
  /** Absolute path of fanfold.config.ts, if there is one. */
  readonly file?: string;
}
const NAMES = ["fanfold.config.ts", "fanfold.config.mts", "fanfold.config.js", "fanfold.config.mjs"];

/** Returns the settings of a project that states none. */
export function defaultSettings(): Settings {
  return defineConfig({ site: "local", concurrency: 32, jobTimeoutDays: 30, retentionDays: 7 });
}

/**
 * Loads the project that the working folder is part of. `tasks` is the path of another module of tasks. With it there
 * need be no configuration.
 * @throws FanfoldError `invalid_configuration`
 */
export async function loadProject(tasks?: string): Promise<Project> {
  const file = findConfig(process.cwd()) ?? configIn(REPOSITORY);
  if (file === undefined && tasks !== undefined) return { settings: defaultSettings(), tasksModule: tasks };
  if (file === undefined)
    throw invalid(
      `there is no fanfold.config.ts in ${process.cwd()} or above: \`${callAs()} init\` makes a project, and --tasks names a module of tasks without one`,
    );
  const settings = await readConfig(file);
  return { settings, tasksModule: tasks ?? resolve(dirname(file), settings.tasks), file };
}

function configIn(folder: string): string | undefined {
  return NAMES.map((name) => join(folder, name)).find((path) => existsSync(path));
}
function findConfig(folder: string): string | undefined {
  const found = configIn(folder);
  return found !== undefined || dirname(folder) === folder ? found : findConfig(dirname(folder));
}

async function readConfig(file: string): Promise<Settings> {
  readVariables(join(dirname(file), ".env"));
  await readTypeScript(file);
  const exports = await importConfig(file);
  const settings = exports["config"] ?? exports["default"];
  if (isSettings(settings)) return settings;
  throw invalid(`${file} must export what defineConfig returns: \`export const config = defineConfig({ .. })\``);
}
/** Sets the variables of a file that are not set. The configuration, and the tasks in their processes, find them. */
function readVariables(file: string): void {
  if (!existsSync(file)) return;
  for (const [name, value] of Object.entries(parseEnv(readFileSync(file, "utf8")))) process.env[name] ??= value;
}
async function importConfig(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    if (isFanfoldError(cause)) throw cause;
    throw invalid(`${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
/** Only defineConfig makes a list of functions: what people write is an object of them. */
function isSettings(value: unknown): value is Settings {
  const sites = (value as Partial<Settings> | undefined)?.sites;
  return Array.isArray(sites) && sites.every((site) => Array.isArray((site as Settings["sites"][number]).functions));
}
function invalid(message: string, cause?: unknown): FanfoldError {
  return new FanfoldError("invalid_configuration", message, { cause });
}
