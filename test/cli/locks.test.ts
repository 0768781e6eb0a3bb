import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

it("fanfold locks shows the keys in use, and none when nothing is limited", { timeout: 90_000 }, async () => {
  const data = newFolder();
  const none = await fanfold(["locks", "--data", data]);
  expect([none.code, none.stderr]).toEqual([0, expect.stringContaining("no locks in use")]);
  const canvas = JSON.stringify({ task: "noop", options: { rateLimit: { per: 86_400, limit: 3, key: "daily" } } });
  await fanfold(["run", "-", "--data", data], canvas);
  expect((await fanfold(["locks", "--data", data])).stdout).toMatch(/KEY +KIND +IN USE.*\ndaily +rate per .* 1 of 3 /);
  const { stdout } = await fanfold(["locks", "--key", "daily", "--data", data, "--json"]);
  expect(jsonLines(stdout)).toMatchObject([{ items: [{ kind: "rate", key: "daily", started: 1 }] }]);
});
