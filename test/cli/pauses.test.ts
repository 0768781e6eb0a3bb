import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

it("fanfold pause, pauses, queues and resume hold a queue and let it go on", { timeout: 90_000 }, async () => {
  const data = newFolder();
  const call = (...words: string[]) => fanfold([...words, "--data", data]);
  expect((await call("pauses")).stdout).toBe("nothing is paused\n");
  expect((await call("pause", "queue", "default")).stdout).toBe("queue local.default#worker is pausing\n");
  expect((await call("pauses")).stdout).toMatch(/^KIND +NAME .*\nqueue +local\.default#worker +paus(ing|ed) /);
  const queues = (await call("queues")).stdout;
  expect(queues).toMatch(/^QUEUE +READY +DELAYED +IN FLIGHT +STARTED +OLDEST +5 MIN +DRAIN +PARKED +STATE\n/);
  expect(queues).toMatch(/^local\.default#worker +0 +0 +0 +\? +0\/s +\? +0 +paused$/m);
  const [resumed] = jsonLines<{ resumed: boolean }>((await call("resume", "queue", "default", "--json")).stdout);
  expect(resumed).toEqual({ kind: "queue", name: "default", resumed: true });
});
it("fanfold pause refuses a kind that there is not, and a job that there is not", { timeout: 60_000 }, async () => {
  const data = newFolder();
  const wrong = await fanfold(["pause", "printer", "one", "--data", data]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("job, queue, site, task")]);
  const missing = await fanfold(["pause", "job", "nobody", "--data", data]);
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("no job nobody")]);
});
