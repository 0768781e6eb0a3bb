import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, ROOT } from "./cli.ts";

it("fanfold reports lists what path tasks have streamed, of a job and of one run", { timeout: 120_000 }, async () => {
  const folder = newFolder();
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const source = `import { definePathTask, expandPaths, StreamTaskResults } from ${JSON.stringify(join(ROOT, "functions/paths/index.ts"))};
export const moves = definePathTask({
  name: "moves",
  acceptsStreaming: true,
  run: async (ctx, { jobid, paths }) => {
    const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId);
    for await (const { path } of expandPaths(paths)) await status.add(path === "/b" ? "failures" : "processed", path);
    return status.dump();
  },
});
`;
  writeFileSync(join(folder, "tasks.ts"), source);
  const common = ["--data", join(folder, "data"), "--tasks", join(folder, "tasks.ts")];
  const paths = ["/a", "/b"].map((path) => ({ path }));
  const canvas = { task: "moves", kwargs: { paths, stream_results: true } };
  const run = await fanfold(["run", "-", ...common, "--json"], JSON.stringify(canvas));
  const jobId = /[0-9A-Z]{26}/.exec(run.stdout)?.[0] as string;
  const shown = await fanfold(["reports", jobId, ...common]);
  expect([shown.code, shown.stderr]).toEqual([0, ""]);
  expect(shown.stdout).toMatch(/^STATE +PATH +RUN +MESSAGE\nprocessed +\/a +\S+\nfailures +\/b +\S+\n$/);
  const job = await fanfold(["job", jobId, ...common]);
  expect(job.stdout + job.stderr).toMatch(/ItemsFailed[^]*no run failed, so there is nothing to retry/);
  const one = await fanfold(["reports", `${jobId}.0`, "--limit", "1", ...common, "--json"]);
  expect(jsonLines(one.stdout)).toMatchObject([
    { items: [{ position: 0, state: "processed", item: { path: "/a" } }], cursor: `${jobId}.0!1.1` },
  ]);
});
