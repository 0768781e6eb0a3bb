import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire, register } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

/**
 * Lets a process read sources, like tsx, with half of tsx's time: `node --import ./test/tsx-cached.mjs FILE`. The tests
 * start hundreds of processes that load 300 sources each. It knows less: no decorators and no CommonJS.
 *
 * Node loads it twice, in the process itself and in the thread that answers for its imports.
 *
 * Under vitest, a module that bundle-sources.ts has bundled is that of the bundle.
 */
if (isMainThread) {
  register(import.meta.url);
  process.setSourceMapsEnabled(true);
}

const ROOT = join(import.meta.dirname, "..");
const CACHE = join(ROOT, "node_modules/.cache/fanfold-sources");
const BUNDLE = process.env.FANFOLD_TEST_BUNDLE;
let esbuild;

export async function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !/\.m?ts$/.test(url)) return nextLoad(url, context);
  const path = fileURLToPath(url);
  const bundled = BUNDLE && join(BUNDLE, relative(ROOT, path).replace(/\.ts$/, ".mjs"));
  if (bundled && existsSync(bundled))
    return { format: "module", source: `export * from "${pathToFileURL(bundled).href}";`, shortCircuit: true };
  const text = readFileSync(path, "utf8");
  const cached = join(CACHE, `${createHash("sha1").update(url).update(text).digest("hex")}.mjs`);
  return { format: "module", source: read(cached) ?? transformed(text, url, cached), shortCircuit: true };
}
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
function transformed(text, url, cached) {
  esbuild ??= createRequire(import.meta.url)("esbuild");
  const { code } = esbuild.transformSync(text, {
    loader: "ts",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    sourcefile: url,
  });
  mkdirSync(CACHE, { recursive: true });
  // Another process may read it at this moment.
  writeFileSync(`${cached}.${process.pid}`, code);
  renameSync(`${cached}.${process.pid}`, cached);
  return code;
}
