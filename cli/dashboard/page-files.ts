import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { extname, join } from "node:path";
import { FanfoldError } from "../../functions/core/errors.ts";
import { codeFolder, IS_CHECKOUT } from "../../functions/host/own-files.ts";
import { REPOSITORY } from "../repository.ts";
import { digestOfSources, SOURCES_FILE } from "./page-sources.ts";

export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Its name changes with its content. */
  readonly lasting: boolean;
}
/** The files of the page, by the path of their address. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A package has the page in dist/web. A checkout builds it. */
const FOLDER = join(codeFolder(), IS_CHECKOUT ? "web/dist" : "web");

/** Returns the files of the page. A checkout builds them first when they are missing, or older than their sources. */
export async function pageFiles(): Promise<PageFiles> {
  if (IS_CHECKOUT && !isCurrent()) await build();
  const names = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  return new Map(
    names.flatMap((name): [string, PageFile][] => {
      const type = TYPES[extname(name)];
      if (type === undefined) return [];
      const file = {
        body: new Uint8Array(readFileSync(join(FOLDER, name))),
        type,
        lasting: name.startsWith("assets/"),
      };
      return [[name === "index.html" ? "/" : `/${name}`, file]];
    }),
  );
}

function isCurrent(): boolean {
  const mark = join(FOLDER, SOURCES_FILE);
  return existsSync(mark) && readFileSync(mark, "utf8") === digestOfSources(REPOSITORY);
}

/** Builds into a folder of its own, so that another process reads either the old page or the new one. */
async function build(): Promise<void> {
  const out = join(REPOSITORY, `web/dist.${process.pid}`);
  const vite = join(REPOSITORY, "node_modules/vite/bin/vite.js");
  if (!existsSync(vite)) throw cannotBuild("its build tool is not installed; run `npm ci`");
  const args = [
    vite,
    "build",
    "--config",
    join(REPOSITORY, "web/vite.config.ts"),
    "--outDir",
    out,
    "--logLevel",
    "error",
  ];
  const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += String(chunk)));
  const code = await new Promise<number | null>((done) => child.once("close", done).once("error", () => done(null)));
  try {
    if (code !== 0) throw cannotBuild(said.trim() || `the build ended with ${String(code)}`);
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(out, FOLDER);
  } catch (error) {
    // Another process may have put the same page there first.
    if (!isCurrent()) throw error;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
function cannotBuild(why: string): FanfoldError {
  return new FanfoldError("internal", `the dashboard could not be built: ${why}`);
}
