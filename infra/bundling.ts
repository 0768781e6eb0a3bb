import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type BuildOptions, type Metafile } from "esbuild";

/** A file of functions/handlers by this name, which exports `createHandler(code)`. */
export type HandlerName = "worker" | "control" | "api" | "sweeper" | "dead-letter" | "supervisor";

/** All tasks of a deployment as data, with the queue of each. functions/handlers/describe-tasks.ts makes it. */
export interface Registry {
  readonly v: 1;
  readonly tasks: readonly {
    readonly name: string;
    readonly version: number;
    readonly queue: string;
    readonly stateMachine?: { readonly name: string };
  }[];
}
export interface BundleOptions {
  readonly handler: HandlerName;
  /**
   * Modules to include: those of its site for a worker, those of all sites for `api` and `supervisor` (for their
   * workflows), none for other handlers.
   */
  readonly tasksModules: readonly string[];
  /** Tasks of the whole deployment, because a worker sends the next step to other sites too. */
  readonly registry: Registry;
  /**
   * Output folder, which is emptied first. Code is written to `code`. Source maps, which are not deployed, are written
   * to `maps`.
   */
  readonly outDir: string;
}
export interface Bundle {
  /** Folder for `Code.fromAsset`. */
  readonly folder: string;
  /** Value of the function's `handler` property. */
  readonly handler: "index.handler";
  /** Bytes of minified code, lazily loaded files included. */
  readonly bytes: number;
  /** Bytes that every cold start reads. */
  readonly eagerBytes: number;
}

const HANDLERS = fileURLToPath(new URL("../functions/handlers/", import.meta.url));
const COMMON: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  // The SDK's ES modules let esbuild drop unused code, and none of them calls `require`.
  mainFields: ["module", "main"],
  // The SDK loads the first in browsers only, to name them. It loads the others only where a function has no
  // credentials. Together they are 57 KB.
  external: ["bowser", "@aws-sdk/credential-provider-ini", "@aws-sdk/credential-provider-sso"],
  logLevel: "silent",
};

/**
 * Returns the path of a tasks module, given the module or its folder. `functions/tasks` means
 * `functions/tasks/index.ts`. Throws when there is none.
 */
export function tasksModuleOf(path: string, root = process.cwd()): string {
  const given = resolve(root, path);
  const found = statSync(given, { throwIfNoEntry: false });
  if (found?.isFile()) return realpathSync(given);
  if (found?.isDirectory() && statSync(join(given, "index.ts"), { throwIfNoEntry: false }))
    return realpathSync(join(given, "index.ts"));
  throw new Error(
    `no tasks module at ${given}: the tasks folder of fanfold.config.ts must hold an index.ts that exports tasks and workflows`,
  );
}

/** A site, and the absolute path of the module that exports its tasks and workflows. */
export interface SiteTasks {
  readonly site: string;
  readonly tasksModule: string;
}
/**
 * Describes the tasks of all sites, the default site first. A task that names no site belongs to the first site that
 * has it. The modules are bundled like the functions and run in a process of their own, so their side effects do not
 * reach the caller. Throws when a module cannot be bundled or loaded, or when two sites have different tasks of one
 * name.
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
    return JSON.parse(
      execFileSync(process.execPath, [outfile], { encoding: "utf8", stdio: "pipe", maxBuffer: 64 * 1024 * 1024 }),
    ) as Registry;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Bundles one function. Generates its entry, which joins a handler, tasks and the registry, and compiles the entry into
 * files that need no others.
 */
export function bundleHandler(options: BundleOptions): Bundle {
  rmSync(options.outDir, { recursive: true, force: true });
  return bundleEntry(
    generateEntry(options),
    options.outDir,
    WITHOUT_STATES.has(options.handler) ? [STATES_CLIENT] : [],
  );
}
/** These handlers never open the ports to Step Functions and may not use them. The client would add 23 KB. */
const WITHOUT_STATES: ReadonlySet<HandlerName> = new Set(["worker", "sweeper", "dead-letter"]);
const STATES_CLIENT = "@aws-sdk/client-sfn";
/**
 * Compiles a module and its imports into `code`, and its source maps into `maps`. Imports in `external` are left out.
 */
export function bundleEntry(entry: string, outDir: string, external: readonly string[] = []): Bundle {
  const out = resolve(outDir);
  const folder = join(out, "code");
  const { outputFiles, metafile } = buildSync({
    ...COMMON,
    external: [...(COMMON.external ?? []), ...external],
    entryPoints: { index: entry },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    // Rarely needed clients become files of their own, which a cold start does not read.
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

/** Writes the entry of one function and returns its path. */
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
const importsOf = (modules: readonly string[]): string[] =>
  modules.map((path, k) => `import * as tasks${k} from ${JSON.stringify(resolve(path))};`);
const names = (modules: readonly string[]): string => modules.map((_, k) => `tasks${k}`).join(", ");

function sizesOf({ outputs }: Metafile, entry: string): Pick<Bundle, "bytes" | "eagerBytes"> {
  const code = Object.entries(outputs).filter(([path]) => path.endsWith(".mjs"));
  const eager = new Set<string>();
  const visit = (path: string): void => {
    if (eager.has(path) || !outputs[path]) return;
    eager.add(path);
    for (const { path: next, kind } of outputs[path].imports) if (kind === "import-statement") visit(next);
  };
  for (const [path, { entryPoint }] of code)
    if (entryPoint !== undefined && resolve(entryPoint) === resolve(entry)) visit(path);
  const sum = (paths: Iterable<string>): number =>
    [...paths].reduce((total, path) => total + (outputs[path]?.bytes ?? 0), 0);
  return { bytes: sum(code.map(([path]) => path)), eagerBytes: sum(eager) };
}
