import { expect } from "vitest";
import type { Ended } from "./cli.ts";

/** Runs the command against one server. */
export type Call = (args: readonly string[], input?: string) => Promise<Ended>;

/**
 * A job is started, watched, failed, looked into and cancelled with the command: the same calls against a dev server and
 * against a deployment. The message of the server's task `fail` begins with `says`.
 */
export async function operate(call: Call, says: string): Promise<void> {
  const json = async <T>(args: readonly string[]): Promise<T> => {
    const { stdout, stderr } = await call([...args, "--json"]);
    if (stdout === "") throw new Error(`${args.join(" ")} printed nothing: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  const submit = async (canvas: object): Promise<string> => {
    const { code, stdout, stderr } = await call(["submit", "-"], JSON.stringify(canvas));
    expect([code, stderr]).toEqual([0, expect.stringContaining("watch it")]);
    return stdout.trim();
  };

  // Started and watched.
  const started = await call(["run", "example.sum-of-sums", "-f", "n=3", "--json"]);
  expect([started.code, JSON.parse(started.stdout)]).toEqual([0, expect.objectContaining({ value: 6 })]);

  // Failed, and looked into: the job, its events, the run with its input and its error.
  const failed = await submit({ task: "fail", args: [7], kwargs: { message: says, retryable: false } });
  expect((await call(["watch", failed])).code).toBe(1);
  const sheet = (await call(["job", failed])).stdout;
  expect(sheet).toMatch(/^state +failure/m);
  expect(sheet).toMatch(/^ *FAILED +TASK +REASON/m);
  const { items } = await json<{ items: { runId: string }[] }>(["runs", failed, "--task", "fail", "--status", "error"]);
  expect(items).toHaveLength(1);
  const run = (await call(["runs", items[0]?.runId ?? ""])).stdout;
  expect(run).toMatch(/^args +\[7\]/m);
  expect(run.split("\n").find((line) => line.startsWith("error "))).toContain(says);
  expect((await call(["events", failed])).stdout).toContain(says);

  // Cancelled, by the beginning of its id.
  const slow = await submit({ task: "sleep", args: [60] });
  expect(await json(["jobs", "--limit", "1"])).toMatchObject({ items: [{ jobId: slow }] });
  expect((await call(["cancel", "@last"])).stdout).toContain(`cancelled ${slow}`);
  expect((await call(["watch", slow])).code).toBe(1);
  expect(await json(["job", slow])).toMatchObject({ state: "cancelled" });
}
