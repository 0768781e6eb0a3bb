import { describe, expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

describe("fanfold schedules", () => {
  it("D085 puts, lists, shows, pauses and deletes a schedule", { timeout: 90_000 }, async () => {
    const data = newFolder();
    const call = (...words: string[]) => fanfold(["schedules", ...words, "--data", data]);
    const put = await call(
      ..."put nightly example.sum-of-sums -f n=3 --time-zone Europe/Paris --cron".split(" "),
      "30 2 * * *",
    );
    expect(put.stdout).toMatch(/^schedule +nightly \(active\)\nwhen +30 2 \* \* \* Europe\/Paris/);
    expect((await call("list")).stdout).toMatch(/nightly +active +in .* example\.sum-of-sums/);
    const [paused] = jsonLines<{ state: string }>((await call("pause", "nightly", "--json")).stdout);
    expect(paused?.state).toBe("paused");
    expect((await call("delete", "nightly", "--yes")).code).toBe(0);
    expect((await call("show", "nightly")).stderr).toContain("there is no schedule nightly");
  });
  it.each([
    [["put", "x"], "say what it starts"],
    [["put", "x", "example.sum-of-sums"], "one of --cron, --every and --rrule"],
    [["show"], "name the schedule"],
    [["pause", "x", "y"], "only put takes"],
  ])("%j is a wrong call", { timeout: 60_000 }, async (words, message) => {
    const { code, stderr } = await fanfold(["schedules", ...words, "--data", newFolder()]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
