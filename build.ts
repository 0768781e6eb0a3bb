import { buildSync } from "esbuild";
import packageJson from "./package.json" with { type: "json" };

/** Modules that are begun by path: the command, worker processes, and what a Lambda function is bundled from. */
const BEGUN = [
  "cli/main",
  "functions/embedded/{reload/tasks-main,workers/worker-main}",
  "functions/tasks/inventory/index",
  "functions/handlers/{api,control,dead-letter,describe-tasks,supervisor,sweeper,worker}",
];
const exported = Object.values(packageJson.exports).flatMap((each) =>
  typeof each === "string" ? [] : each.default.replace(/^\.\/dist\/(.*)\.js$/, "$1"),
);

/**
 * Writes the JavaScript of the package: a file for each entry, and what several of them need in dist/chunks. So every
 * module is there once, and a process reads few files. Nothing is minified: stacks name functions, and a comment in the
 * file names the source.
 */
buildSync({
  entryPoints: [...exported, ...BEGUN].flatMap((name) => {
    const [, before = "", names, after = ""] = /^(.*)\{(.*)\}(.*)$/.exec(name) ?? [];
    return names === undefined ? `${name}.ts` : names.split(",").map((each) => `${before}${each}${after}.ts`);
  }),
  outdir: "dist",
  outbase: ".",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.20",
  packages: "external",
  logLevel: "warning",
});
