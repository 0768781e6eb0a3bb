import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

it("fanfold group shows a group by its id, and watches one to its end", { timeout: 120_000 }, async () => {
  const data = newFolder();
  const add = (x: number, y: number): object => ({ task: "math.add", args: [x, y] });
  const canvas = { chord: { header: [add(1, 2), add(3, 4)], body: { task: "math.sum" } } };
  const run = await fanfold(["run", "-", "--data", data, "--json"], JSON.stringify(canvas));
  const [{ jobId }] = jsonLines(run.stdout) as [{ jobId: string }];
  const shown = await fanfold(["group", `${jobId}.0.g`, "--data", data]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^state +complete\nmembers +2 of 2 ended\ncounts +2 success$/m);
  expect(shown.stdout).toContain(`callback  ${jobId}.0~1`);
  const watched = await fanfold(["group", `${jobId}.0.g`, "--watch", "--json", "--data", data]);
  expect(watched.stderr).toContain("complete: 2 of 2 ended");
  expect(jsonLines(watched.stdout)).toMatchObject([{ total: 2, remaining: 0, state: "complete" }]);
  const none = await fanfold(["group", `${jobId}.0`, "--data", data]);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining(`${jobId}.0 is the id of a run`)]);
});
