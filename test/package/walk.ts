import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { packageFolder } from "../../functions/host/own-files.ts";

export const ROOT = packageFolder();
/** npm takes what is in its cache before it asks a registry. */
const INSTALL = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];

/** Runs a program of this checkout, and returns what it prints. */
export function must(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout } = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
  return stdout;
}
/** Builds and packs, and returns the path of the tarball. */
export function pack(folder: string): string {
  must("npm", ["run", "build", "--silent"], ROOT);
  return join(folder, must("npm", ["pack", "--silent", "--pack-destination", folder], ROOT).trim());
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user's machine: a Node, npm, the tarball, and folders of projects outside of this checkout. */
export class Walk {
  readonly tarball: string;
  readonly folder = mkdtempSync(join(tmpdir(), "fanfold-package-"));
  readonly #env: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();

  /** `node` is the program that runs everything. */
  constructor(tarball: string, node: string) {
    this.tarball = tarball;
    const { npm_lifecycle_event: _event, npm_config_local_prefix: _prefix, INIT_CWD: _cwd, ...env } = process.env;
    this.#env = { ...env, NO_COLOR: "1", PATH: `${dirname(node)}${delimiter}${env["PATH"] ?? ""}` };
  }
  /** Makes a project with these files. */
  project(name: string, files: Readonly<Record<string, string>>): string {
    const folder = join(this.folder, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return folder;
  }
  install(folder: string, ...packages: readonly string[]): void {
    this.must(folder, "npm", ...INSTALL, ...packages);
  }
  run(folder: string, command: string, ...args: readonly string[]): Ended {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      env: this.#env,
      encoding: "utf8",
      timeout: 240_000,
    });
    return { code: status, stdout, stderr: error === undefined ? stderr : `${stderr}${error.message}` };
  }
  /** Runs a command that must succeed, and returns what it prints. */
  must(folder: string, command: string, ...args: readonly string[]): string {
    const { code, stdout, stderr } = this.run(folder, command, ...args);
    if (code === 0) return stdout;
    throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
  }
  /** Starts a command, and resolves with the process once it has printed the text. */
  start(folder: string, text: string, command: string, ...args: readonly string[]): Promise<ChildProcess> {
    const child = spawn(command, args, { cwd: folder, env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return new Promise((started, reject) => {
      let printed = "";
      const note = (chunk: Buffer): void => {
        printed += chunk.toString();
        if (printed.includes(text)) started(child);
      };
      child.stdout.on("data", note);
      child.stderr.on("data", note);
      child.once("exit", (code) => reject(new Error(`${command} ended with ${code}:\n${printed}`)));
    });
  }
  /** CPU seconds of a program, start of Node included: the least of three, because a busy machine adds some. */
  cpuSeconds(folder: string, ...args: readonly string[]): number {
    const report = `process.on("exit", () => { const { user, system } = process.cpuUsage(); process.stderr.write("\\ncpu " + (user + system) / 1e6); });`;
    const once = (): number => {
      const { stderr } = this.run(
        folder,
        "node",
        "--import",
        `data:text/javascript,${encodeURIComponent(report)}`,
        ...args,
      );
      const [, seconds] = /cpu ([\d.]+)$/.exec(stderr) ?? [];
      if (seconds === undefined) throw new Error(`no CPU time of ${args.join(" ")}: ${stderr}`);
      return Number(seconds);
    };
    return Math.min(once(), once(), once());
  }
  end(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
