import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { TestProject } from "vitest/node";

const ROOT = resolve(import.meta.dirname, "..");
/** What processes that tests start begin with, and what modules of tasks import. */
const ENTRIES = [
  "cli/main.ts",
  "functions/embedded/workers/worker-main.ts",
  "functions/sdk/index.ts",
  "functions/sdk/config.ts",
];
/** Lets each module of a bundle find what lies beside its source. */
const sourcePlaces: Plugin = {
  name: "source-places",
  setup: (bundle) =>
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const places = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const contents = readFileSync(path, "utf8").replaceAll(
        /\bimport\.meta\.(url|filename|dirname)\b/g,
        (_all, place: keyof typeof places) => JSON.stringify(places[place]),
      );
      return { contents, loader: "ts" };
    }),
};

/**
 * Bundles the sources for the processes that tests start, in which `tsx-cached.mjs` finds the bundle by its variable.
 * There are hundreds of such processes, and half of the time of each was the loading of 300 modules.
 */
export async function setup(project: TestProject): Promise<() => void> {
  const cache = join(ROOT, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "fanfold-bundle-"));
  const bundle = async (): Promise<void> => {
    await build({
      entryPoints: ENTRIES,
      absWorkingDir: ROOT,
      outbase: ROOT,
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      packages: "external",
      plugins: [sourcePlaces],
      logLevel: "warning",
    });
  };
  await bundle();
  process.env["FANFOLD_TEST_BUNDLE"] = folder;
  project.onTestsRerun(bundle);
  return () => rmSync(folder, { recursive: true, force: true });
}
