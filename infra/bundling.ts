import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type BuildOptions, type Metafile } from "esbuild";
import { FanfoldError } from "../functions/core/errors.ts";
import type { Settings } from "../functions/sdk/config.ts";
import { ALL_BUNDLED, linkPackages, type Unbundled } from "./packages.ts";

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
   * Modules to include: those of its site for a worker, those of all sites for `api`, `control` and `supervisor` (for
   * their workflows), none for other handlers.
   */
  readonly tasksModules: readonly string[];
  /** Tasks of the whole deployment, because a worker sends the next step to other sites too. */
  readonly registry: Registry;
  /** Schedules of the configuration, for the functions that compare or put them. Default: none. */
  readonly schedules?: Settings["schedules"];
  /** Sites whose work is parked, for the sweeper. Default: unknown. */
  readonly parkedSites?: readonly string[];
  /** Packages that the tasks import and that are not compiled in. Default: none. */
  readonly unbundled?: Unbundled;
  /** Folder with the node_modules of `unbundled.nodeModules`. */
  readonly packages?: string;
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

/** This module lies in the entry of `fanfold/cdk`, so in the package too a folder of infra is beside the handlers. */
const HANDLERS = fileURLToPath(new URL("../functions/handlers/", import.meta.url));
/** Handlers are TypeScript in a checkout, and JavaScript in the package. */
const handlerPath = (name: string): string => join(HANDLERS, name + extname(import.meta.filename));
/** Two `export *` with one name export neither, and JavaScript does not say so. */
const AMBIGUOUS = "ambiguous-reexport";
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
  logOverride: { [AMBIGUOUS]: "warning" },
};
/**
 * What a CommonJS package expects around it. ES modules lack it, so bundles with such packages begin with this line.
 */
const COMMONJS = [
  `import { createRequire as fanfoldCreateRequire } from "node:module";`,
  `const require = fanfoldCreateRequire(import.meta.url);`,
  `const __filename = import.meta.filename, __dirname = import.meta.dirname;`,
].join(" ");

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
  throw invalidTasks(
    `no tasks module at ${given}: the tasks folder of fanfold.config.ts must hold an index.ts that exports tasks and workflows`,
  );
}

/** What the process that loads the tasks writes (functions/handlers/describe-tasks.ts). */
type Description =
  | { readonly registry: Registry }
  | { readonly error: Pick<FanfoldError, "code" | "message" | "details"> };

/** A site, and the absolute path of the module that exports its tasks and workflows. */
export interface SiteTasks {
  readonly site: string;
  readonly tasksModule: string;
  readonly unbundled?: Unbundled;
}
/**
 * Describes the tasks of all sites, the default site first. A task that names no site belongs to the first site that
 * has it. The modules are bundled like the functions and run in a process of their own, so their side effects do not
 * reach the caller. `queues` are the queues that exist; without it every queue does. `schedules` are checked against the workflows.
 * @throws FanfoldError `invalid_tasks` when a module cannot be bundled or loaded, or when two sites have different
 * tasks of one name; `unknown_queue`
 */
export function describeTasks(
  sites: readonly SiteTasks[],
  queues?: readonly string[],
  schedules: Settings["schedules"] = [],
): Registry {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-registry-"));
  const [code, result] = [join(folder, "describe.mjs"), join(folder, "registry.json")];
  const listed = sites.map(
    ({ site, tasksModule }) =>
      `{ site: ${JSON.stringify(site)}, path: ${JSON.stringify(tasksModule)}, load: () => import(${JSON.stringify(resolve(tasksModule))}) }`,
  );
  const source = [
    `import { writeDescription } from ${JSON.stringify(handlerPath("describe-tasks"))};`,
    `await writeDescription(${JSON.stringify(result)}, [${listed.join(", ")}], ${JSON.stringify(queues)}, ${JSON.stringify(schedules)});`,
  ].join("\n");
  try {
    const unbundled = together(sites);
    for (const { tasksModule, unbundled: { external, nodeModules } = ALL_BUNDLED } of sites)
      linkPackages([...external, ...nodeModules], resolve(tasksModule), folder);
    build(
      { stdin: { contents: source, resolveDir: HANDLERS, loader: "ts" }, outfile: code, sourcemap: "inline" },
      unbundled,
    );
    // What tasks print while they load goes to stderr.
    const { status, signal } = spawnSync(process.execPath, ["--enable-source-maps", code], { stdio: ["ignore", 2, 2] });
    if (!existsSync(result))
      throw invalidTasks(`the tasks ended the process that loads them (${signal ?? `exit ${status}`})`);
    const described = JSON.parse(readFileSync(result, "utf8")) as Description;
    if ("error" in described) throw new FanfoldError(described.error.code, described.error.message, described.error);
    return described.registry;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** Returns what no site wants compiled in. */
export function together(sites: readonly SiteTasks[]): Unbundled {
  const of = (what: keyof Unbundled): string[] => [
    ...new Set(sites.flatMap(({ unbundled }) => unbundled?.[what] ?? [])),
  ];
  return { external: of("external"), nodeModules: of("nodeModules") };
}

/**
 * Bundles one function. Generates its entry, which joins a handler, tasks and the registry, and compiles the entry into
 * files that need no others.
 */
export function bundleHandler(options: BundleOptions): Bundle {
  const { outDir, handler, packages, unbundled = ALL_BUNDLED } = options;
  rmSync(outDir, { recursive: true, force: true });
  const left = WITHOUT_STATES.has(handler) ? [STATES_CLIENT] : [];
  const bundle = bundleEntry(generateEntry(options), outDir, {
    ...unbundled,
    external: [...unbundled.external, ...left],
  });
  if (packages !== undefined)
    cpSync(join(packages, "node_modules"), join(bundle.folder, "node_modules"), {
      recursive: true,
      verbatimSymlinks: true,
    });
  return bundle;
}
/** These handlers never open the ports to Step Functions and may not use them. The client would add 23 KB. */
const WITHOUT_STATES: ReadonlySet<HandlerName> = new Set(["worker", "sweeper", "dead-letter"]);
/** The sweeper sees that the schedules of the configuration have changed, and this one puts them. */
const WITH_SCHEDULES: ReadonlySet<HandlerName> = new Set(["sweeper", "control"]);
const STATES_CLIENT = "@aws-sdk/client-sfn";
/** Compiles a module and its imports into `code`, and its source maps into `maps`. */
export function bundleEntry(entry: string, outDir: string, unbundled = ALL_BUNDLED): Bundle {
  const out = resolve(outDir);
  const folder = join(out, "code");
  const options: BuildOptions = {
    entryPoints: { index: entry },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    // Rarely needed clients become files of their own, which a cold start does not read.
    splitting: true,
    chunkNames: "[name]-[hash]",
    minify: true,
    legalComments: "none",
    sourcemap: "external",
    write: false,
  };
  const { outputFiles = [], metafile } = build(options, unbundled);
  for (const { path, contents } of outputFiles) {
    const target = path.endsWith(".map") ? path.replace(folder, join(out, "maps")) : path;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, contents);
  }
  return { folder, handler: "index.handler", ...sizesOf(metafile, entry) };
}

/** Compiles, and once more with what CommonJS expects where a package calls `require`. */
function build(options: BuildOptions, { external, nodeModules }: Unbundled) {
  const all = { ...COMMON, ...options, external: [...(COMMON.external ?? []), ...external, ...nodeModules] };
  const compile = (more: BuildOptions = {}) => buildSync({ ...all, ...more, metafile: true });
  try {
    const built = compile();
    // Packages hide names of their own on purpose.
    const hidden = built.warnings.find(({ id, text }) => id === AMBIGUOUS && !text.includes("node_modules/"));
    if (hidden)
      throw invalidTasks(`${hidden.text}: two \`export *\` give it, so JavaScript exports neither. Rename one.`);
    return callsRequire(built.metafile) ? compile({ banner: { js: COMMONJS } }) : built;
  } catch (cause) {
    if (cause instanceof FanfoldError) throw cause;
    throw invalidTasks(
      `the tasks cannot be bundled: ${(cause as Error).message}
Name native packages in nodeModules of the site in fanfold.config.ts, and packages that no task needs in external.`,
      cause,
    );
  }
}
/** Returns whether a package that is compiled in calls `require` for what is not: a module of Node, for instance. */
function callsRequire({ inputs }: Metafile): boolean {
  return Object.values(inputs).some(({ imports }) =>
    imports.some(({ kind, external }) => kind === "require-call" && external),
  );
}
function invalidTasks(message: string, cause?: unknown): FanfoldError {
  return new FanfoldError("invalid_tasks", message, { cause });
}

/** Writes the entry of one function and returns its path. */
function generateEntry({ handler, tasksModules, registry, schedules, parkedSites, outDir }: BundleOptions): string {
  mkdirSync(outDir, { recursive: true });
  writeFileSync(join(outDir, "registry.json"), JSON.stringify(registry));
  const entry = join(outDir, "entry.ts");
  const scheduled = schedules && WITH_SCHEDULES.has(handler) ? `, schedules: ${JSON.stringify(schedules)}` : "";
  const parked = parkedSites && handler === "sweeper" ? `, parkedSites: ${JSON.stringify(parkedSites)}` : "";
  const source = [
    `import { createHandler } from ${JSON.stringify(handlerPath(handler))};`,
    `import registry from "./registry.json";`,
    ...importsOf(tasksModules),
    `export const handler = createHandler({ modules: [${names(tasksModules)}], registry${scheduled}${parked} });`,
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
