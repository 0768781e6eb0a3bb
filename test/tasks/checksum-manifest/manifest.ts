import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { JobView } from "../../../functions/engine/contract.ts";
import { type AnyTask, createWorkflows } from "../../../functions/sdk/index.ts";
import * as shipped from "../../../functions/tasks/checksum-manifest/index.ts";
import type { ManifestReport } from "../../../functions/tasks/checksum-manifest/index.ts";
import { LocalEngine } from "../../engine/local-engine.ts";

const { checksumManifest, ...own } = shipped;
const manifestTasks: readonly AnyTask[] = Object.values(own);
export const workflows = createWorkflows([checksumManifest]);
/** Returns the tasks with code that runs at the beginning of each attempt. */
export function withCodeBefore(code: (task: string, site: string) => unknown): readonly AnyTask[] {
  return manifestTasks.map((task) => ({
    ...task,
    definition: {
      ...task.definition,
      run: (ctx, ...args) => {
        code(task.name, ctx.site);
        return task.definition.run(ctx, ...args);
      },
    },
  }));
}
const SITES = ["local", "london", "paris"].map((site) => `${site}.default#worker`);

/** A folder with a few files, and the place of its manifest. */
export class Tree {
  readonly path = mkdtempSync(join(tmpdir(), "fanfold-manifest-"));
  readonly folder = join(this.path, "folder");
  readonly manifest = join(this.path, "manifest");

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.folder);
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }
  write(name: string, content: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true });
    writeFileSync(join(this.folder, name), content);
  }
  remove(name: string): void {
    rmSync(join(this.folder, name), { recursive: true });
  }
  async run(fields: object = {}, using = manifestTasks): Promise<{ job: JobView; local: LocalEngine }> {
    const local = new LocalEngine(using, { width: 4 }, { queues: ["engine", ...SITES] });
    const given = { folder: this.folder, manifest: this.manifest, ...fields };
    const { jobId } = await local.engine.submit({ canvas: workflows.start("checksum-manifest", given).canvas });
    await local.untilQuiet();
    return { job: (await local.engine.job(jobId)) as JobView, local };
  }
  /** Returns the value of a job whose runs have all ended well. */
  async report(fields: object = {}, using = manifestTasks): Promise<ManifestReport> {
    const { job } = await this.run(fields, using);
    if (!job.value) throw new Error(JSON.stringify(job.error));
    return job.value as unknown as ManifestReport;
  }
  delete(): void {
    // rmSync cannot name paths that are longer than the limit.
    execFileSync("rm", ["-rf", this.path]);
  }
}
/** What the tool of coreutils says of a folder and its manifest. Shares no code with ours. */
export function checkedBy(tool: string, folder: string, manifest: string): { status: number | null; out: string } {
  const { status, stdout, stderr } = spawnSync(tool, ["--check", "--quiet", "--strict", manifest], {
    cwd: folder,
    encoding: "latin1",
    env: { ...process.env, LC_ALL: "C" },
  });
  return { status, out: stdout + stderr };
}
