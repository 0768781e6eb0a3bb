import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

it("fanfold waits says that nothing waits for a person", { timeout: 90_000 }, async () => {
  const data = newFolder();
  const none = await fanfold(["waits", "--data", data]);
  expect([none.code, none.stderr]).toEqual([0, expect.stringContaining("nothing waits for a person")]);
  const { stdout } = await fanfold(["waits", "--of", "event", "--data", data, "--json"]);
  expect(jsonLines(stdout)).toEqual([{ items: [] }]);
});
