import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, ROOT, start, type Running } from "./cli.ts";

const SDK = JSON.stringify(join(ROOT, "functions/sdk/index.ts"));
/** A task that waits until its file is gone, and gives what another file of the project says. */
const TASKS = `import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { defineTask, defineWorkflow } from ${SDK};
import * as z from ${JSON.stringify(import.meta.resolve("zod"))};
import { version } from "./version.ts";
export const gated = defineTask({ name: "gated", run: async (ctx, path: string) => {
  ctx.log.info("begin", { version });
  while (existsSync(path)) await pause(20);
  return version;
} });
export const broken = defineTask({ name: "broken", retry: { maxAttempts: 1 }, run: () => { throw new Error("no luck"); } });
export const gate = defineWorkflow({ name: "gate" + version, parameters: z.object({}), canvas: () => gated.s("/no/such/file") });
`;

interface Project {
  readonly server: Running;
  readonly write: (version: string) => void;
  readonly at: (...args: string[]) => readonly string[];
  readonly path: (name: string) => string;
}
async function serve(): Promise<Project> {
  const folder = newFolder();
  const path = (name: string): string => join(folder, name);
  const write = (version: string): void =>
    writeFileSync(path("version.ts"), `export const version: number = ${version};\n`);
  writeFileSync(path("package.json"), '{ "type": "module" }');
  writeFileSync(path("tasks.ts"), TASKS);
  write("1");
  const at = (...args: string[]): readonly string[] => [...args, "--data", path("data"), "--tasks", path("tasks.ts")];
  const server = start(at("dev", "--watch", "--port", "0", "--workers", "1", "--json"));
  await server.line("stdout", (line) => line.startsWith("{"));
  return { server, write, at, path };
}
async function valueOf({ at }: Project, what: string, input?: string): Promise<unknown> {
  const { stdout, stderr } = await fanfold(at("run", what, "--json"), input);
  const [job] = jsonLines<{ value?: unknown; error?: { message: string } }>(stdout);
  return job?.value ?? job?.error?.message ?? stderr;
}

describe("dev --watch", { timeout: 120_000 }, () => {
  it("runs new work by the code of a changed import, while a run under way ends on the code it began with", async () => {
    const project = await serve();
    const { server, write, at, path } = project;
    writeFileSync(path("gate"), "");
    const begun = server.line("stderr", (line) => line.startsWith("info "));
    const { stdout } = await fanfold(
      at("submit", "-", "--json"),
      JSON.stringify({ task: "gated", args: [path("gate")] }),
    );
    const { jobId } = jsonLines<{ jobId: string }>(stdout)[0]!;
    expect(await begun).toBe(`info  ${jobId}.0  gated  begin {"version":1}`);
    const loaded = server.line("stderr", (line) => line.startsWith("loaded "));
    write("2");
    expect(await loaded).toMatch(/version\.ts: 2 tasks; runs under way end on the code of before/);
    expect(await valueOf(project, "gate2")).toBe(2);
    expect(await valueOf(project, "gate1")).toMatch(/gate2/);
    const ended = server.line("stderr", (line) => line.startsWith(`job  ${jobId} `));
    rmSync(path("gate"));
    expect(await ended).toMatch(/canvas {2}success: 1 run, /);
    expect(JSON.parse((await fanfold(at("job", jobId, "--json"))).stdout)).toMatchObject({ value: 1 });
  });

  it("says what does not compile, and where, and goes on with the code of before", async () => {
    const project = await serve();
    const { server, write } = project;
    expect(await valueOf(project, "gate1")).toBe(1);
    const refused = server.line("stderr", (line) => line.startsWith("not loaded "));
    const place = server.line("stderr", (line) => /version\.ts:1:3\d: ERROR/.test(line));
    write("");
    expect(await refused).toMatch(/version\.ts: the tasks of .*tasks\.ts cannot be loaded: /);
    await place;
    expect(await valueOf(project, "gate1")).toBe(1);
    const loaded = server.line("stderr", (line) => line.startsWith("loaded "));
    write("3");
    await loaded;
    expect(await valueOf(project, "gate3")).toBe(3);
  });

  it("prints a line for a failed run, with its id", async () => {
    const project = await serve();
    const failed = project.server.line("stderr", (line) => line.startsWith("failed "));
    await valueOf(project, "-", '{"task":"broken"}');
    expect(await failed).toMatch(/^failed {2}\w{26}\.0 {2}broken {2}Error: no luck$/);
  });

  it("needs worker processes", async () => {
    const { code, stdout } = await fanfold(["dev", "--watch", "--workers", "0", "--data", newFolder(), "--json"]);
    expect([code, jsonLines<{ error: { code: string } }>(stdout)[0]?.error.code]).toEqual([2, "invalid_request"]);
  });
});
