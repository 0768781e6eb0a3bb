import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type BuildOptions, type Metafile } from "esbuild";

/** What functions/handlers has: a file of this name exports `createHandler(code)`. */
export type HandlerName = "worker" | "control" | "api" | "sweeper" | "dead-letter" | "supervisor";

/** Everything a deployment knows of its tasks, as data: which queue each goes to, how often it is retried. Made by functions/handlers/describe-tasks.ts. */
export interface Registry {
  readonly v: 1;
  readonly tasks: readonly { readonly name: string; readonly version: number; readonly queue: string; readonly stateMachine?: { readonly name: string } }[];
}
export interface BundleOptions {
  readonly handler: HandlerName;
  /** Modules whose code goes in: those of the site for a worker, those of all sites for `api` and `supervisor` (workflows), none for the others. */
  readonly tasksModules: readonly string[];
  /** Of the whole deployment: a worker sends what the next step needs to another site. */
  readonly registry: Registry;
  /** Emptied first. The code comes into `code`, source maps, which are not deployed, into `maps`. */
  readonly outDir: string;
}
export interface Bundle {
  /** For `Code.fromAsset`. */
  readonly folder: string;
  /** For the `handler` property of the function. */
  readonly handler: "index.handler";
  /** Minified code, lazily loaded parts included. */
  readonly bytes: number;
  /** Of that, what every cold start reads. */
  readonly eagerBytes: number;
}

const HANDLERS = fileURLToPath(new URL("../functions/handlers/", import.meta.url));
const COMMON: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  // The SDK's ES modules, so that what is not used is dropped and nothing asks for `require`.
  mainFields: ["module", "main"],
  // The SDK asks for the first in browsers only, to name them, and for the others where nobody gives a function its credentials: 57 KB.
  external: ["bowser", "@aws-sdk/credential-provider-ini", "@aws-sdk/credential-provider-sso"],
  logLevel: "silent",
};

/** A tasks folder, or a module, as the path of the module: `functions/tasks` means `functions/tasks/index.ts`. Throws when there is none. */
export function tasksModuleOf(path: string, root = process.cwd()): string {
  const given = resolve(root, path);
  const found = statSync(given, { throwIfNoEntry: false });
  if (found?.isFile()) return realpathSync(given);
  if (found?.isDirectory() && statSync(join(given, "index.ts"), { throwIfNoEntry: false })) return realpathSync(join(given, "index.ts"));
  throw new Error(`no tasks module at ${given}: the tasks folder of fanfold.config.ts must hold an index.ts that exports tasks and workflows`);
}

/** A site and the module that exports its tasks and workflows: an absolute path. */
export interface SiteTasks {
  readonly site: string;
  readonly tasksModule: string;
}
/**
 * Describes the tasks of all sites, the default site first: a task that names no site belongs to the first one that has it. The modules run in a process of their own, bundled like the functions, so what they do when they are loaded does not reach
 * the caller. Throws when one cannot be bundled or loaded, or when two sites have different tasks of one name.
 */
export function describeTasks(sites: readonly SiteTasks[]): Registry {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-registry-"));
  try {
    const source = [
      `import { describeTasks } from ${JSON.stringify(join(HANDLERS, "describe-tasks.ts"))};`,
      ...importsOf(sites.map(({ tasksModule }) => tasksModule)),
      `process.stdout.write(JSON.stringify(describeTasks([${sites.map(({ site }, k) => `{ site: ${JSON.stringify(site)}, exports: tasks${k} }`).join(", ")}])));`,
    ].join("\n");
    const outfile = join(folder, "describe.mjs");
    buildSync({ ...COMMON, stdin: { contents: source, resolveDir: HANDLERS, loader: "ts" }, outfile });
    return JSON.parse(execFileSync(process.execPath, [outfile], { encoding: "utf8", stdio: "pipe", maxBuffer: 64 * 1024 * 1024 })) as Registry;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bundles one function: generates its entry, which joins a handler, tasks and registry, and compiles it into files that need nothing beside them. */
export function bundleHandler(options: BundleOptions): Bundle {
  rmSync(options.outDir, { recursive: true, force: true });
  return bundleEntry(generateEntry(options), options.outDir, WITHOUT_STATES.has(options.handler) ? [STATES_CLIENT] : []);
}
/** These never open the port to Step Functions, and are not allowed to: its client would be 23 KB that nobody reads. */
const WITHOUT_STATES: ReadonlySet<HandlerName> = new Set(["worker", "sweeper", "dead-letter"]);
const STATES_CLIENT = "@aws-sdk/client-sfn";
/** Compiles a module and all that it imports, but for `external`, into `code`, and its source maps into `maps`. */
export function bundleEntry(entry: string, outDir: string, external: readonly string[] = []): Bundle {
  const out = resolve(outDir);
  const folder = join(out, "code");
  const { outputFiles, metafile } = buildSync({
    ...COMMON,
    external: [...(COMMON.external ?? []), ...external],
    entryPoints: { index: entry },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    // Clients that are rarely needed become files of their own, which a cold start does not read.
    splitting: true,
    chunkNames: "[name]-[hash]",
    minify: true,
    legalComments: "none",
    sourcemap: "external",
    metafile: true,
    write: false,
  });
  for (const { path, contents } of outputFiles) {
    const target = path.endsWith(".map") ? path.replace(folder, join(out, "maps")) : path;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, contents);
  }
  return { folder, handler: "index.handler", ...sizesOf(metafile, entry) };
}

/** Writes the entry of one function and gives its path. */
function generateEntry({ handler, tasksModules, registry, outDir }: BundleOptions): string {
  mkdirSync(outDir, { recursive: true });
  writeFileSync(join(outDir, "registry.json"), JSON.stringify(registry));
  const entry = join(outDir, "entry.ts");
  const source = [
    `import { createHandler } from ${JSON.stringify(join(HANDLERS, `${handler}.ts`))};`,
    `import registry from "./registry.json";`,
    ...importsOf(tasksModules),
    `export const handler = createHandler({ modules: [${names(tasksModules)}], registry });`,
    "",
  ].join("\n");
  writeFileSync(entry, source);
  return entry;
}
const importsOf = (modules: readonly string[]): string[] => modules.map((path, k) => `import * as tasks${k} from ${JSON.stringify(resolve(path))};`);
const names = (modules: readonly string[]): string => modules.map((_, k) => `tasks${k}`).join(", ");

function sizesOf({ outputs }: Metafile, entry: string): Pick<Bundle, "bytes" | "eagerBytes"> {
  const code = Object.entries(outputs).filter(([path]) => path.endsWith(".mjs"));
  const eager = new Set<string>();
  const visit = (path: string): void => {
    if (eager.has(path) || !outputs[path]) return;
    eager.add(path);
    for (const { path: next, kind } of outputs[path].imports) if (kind === "import-statement") visit(next);
  };
  for (const [path, { entryPoint }] of code) if (entryPoint !== undefined && resolve(entryPoint) === resolve(entry)) visit(path);
  const sum = (paths: Iterable<string>): number => [...paths].reduce((total, path) => total + (outputs[path]?.bytes ?? 0), 0);
  return { bytes: sum(code.map(([path]) => path)), eagerBytes: sum(eager) };
}
