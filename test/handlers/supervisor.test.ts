import type { EventBridgeEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { chord, defineWorkflow, group } from "../../functions/sdk/index.ts";
import * as examples from "../../functions/tasks/examples.ts";
import * as z from "zod";
import { contextOf, TASK_QUEUE, TestDeployment } from "./deployment.ts";

const failing = defineWorkflow({
  name: "failing",
  parameters: z.object({}),
  canvas: () =>
    chord(group([examples.add.s(1, 1), examples.fail.signature([], { message: "as asked" })]), examples.sum.s()),
});
const deploy = (): TestDeployment => new TestDeployment({ ...examples, failing });
const submission = (token: string, workflow = "example.sum-of-sums") =>
  ({ action: "submit" as const, jobId: "job-1", token, workflow, fields: {} }) as never;
const ended = (name: string, status: string, time = new Date().toISOString()) =>
  ({ source: "aws.states", time, detail: { name, status } }) as EventBridgeEvent<
    "Step Functions Execution Status Change",
    { name: string; status: string }
  >;

describe("a supervised job", () => {
  it("a supervised job answers its token once, with its value", async () => {
    const deployment = deploy();
    expect(await deployment.supervisor(submission("t1"), contextOf())).toEqual({ jobId: "job-1", created: true });
    await deployment.untilQuiet();
    expect(deployment.tokens.answers.get("t1")).toEqual({
      output: { jobId: "job-1", state: "success", counts: { success: 11 }, value: 90 },
    });
    expect(deployment.tokens.calls).toBe(1);
  });

  it("a supervised job that fails answers its token with the error", async () => {
    const deployment = deploy();
    await deployment.supervisor(submission("t1", "failing"), contextOf());
    await deployment.untilQuiet();
    const answer = deployment.tokens.answers.get("t1") as { error: string; cause: string };
    expect(answer.error).toBe("Fanfold.JobFailure");
    expect(JSON.parse(answer.cause)).toMatchObject({
      jobId: "job-1",
      state: "failure",
      error: { message: "as asked" },
    });
  });

  it("a repeated submission is the same job, and only its newest token is answered", async () => {
    const deployment = deploy();
    await deployment.supervisor(submission("t1"), contextOf());
    expect(await deployment.supervisor(submission("t2"), contextOf())).toEqual({ jobId: "job-1", created: false });
    await deployment.untilQuiet();
    expect([...deployment.tokens.answers.keys()]).toEqual(["t2"]);
  });

  it("a token that arrives after the job ended is answered too", async () => {
    const deployment = deploy();
    await deployment.supervisor(submission("t1"), contextOf());
    await deployment.untilQuiet();
    await deployment.supervisor(submission("t2"), contextOf());
    await deployment.untilQuiet();
    expect([...deployment.tokens.answers.keys()]).toEqual(["t1", "t2"]);
  });

  it("an answer that cannot be delivered is kept, and the sweeper delivers it later", async () => {
    const deployment = deploy();
    deployment.tokens.broken = true;
    await deployment.supervisor(submission("t1"), contextOf());
    for (let pass = 0; pass < 10; pass++) for (const queue of ["engine", TASK_QUEUE]) await deployment.invoke(queue);
    expect(deployment.tokens.calls).toBeGreaterThan(0);
    expect(deployment.tokens.answers.size).toBe(0);
    await dropAll(deployment);
    deployment.tokens.broken = false;
    await sweepUntilQuiet(deployment);
    expect(deployment.tokens.answers.get("t1")).toMatchObject({ output: { state: "success" } });
    expect(await deployment.queue.depth("engine")).toEqual({ ready: 0, delayed: 0, inFlight: 0 });
  });

  it("a supervised job is cancelled when its execution is stopped", async () => {
    const deployment = deploy();
    await deployment.supervisor(submission("t1"), contextOf());
    expect(await deployment.supervisor(ended("job-1", "SUCCEEDED"), contextOf())).toEqual({ cancelled: false });
    expect(await deployment.supervisor(ended("job-1", "ABORTED"), contextOf())).toEqual({ cancelled: true });
    await deployment.untilQuiet();
    expect(await (await deployment.engine()).engine.job("job-1")).toMatchObject({ state: "cancelled" });
    expect(deployment.tokens.answers.get("t1")).toMatchObject({ error: "Fanfold.JobCancelled" });
  });

  it("an execution that ends before its job exists is checked again", async () => {
    const deployment = deploy();
    await expect(deployment.supervisor(ended("job-1", "TIMED_OUT"), contextOf())).rejects.toMatchObject({
      code: "job_not_found",
      retryable: true,
    });
    const late = ended("job-1", "TIMED_OUT", new Date(Date.now() - 60_000).toISOString());
    expect(await deployment.supervisor(late, contextOf())).toEqual({ cancelled: false });
  });

  it("a step of a user's own state machine starts one job for each token", async () => {
    const deployment = deploy();
    const step = (token: string) =>
      ({ action: "submit", token, workflow: "example.sum-of-sums", fields: { n: 2 } }) as never;
    const first = (await deployment.supervisor(step("a"), contextOf())) as { jobId: string };
    const again = (await deployment.supervisor(step("a"), contextOf())) as { jobId: string };
    const other = (await deployment.supervisor(step("b"), contextOf())) as { jobId: string };
    expect(again.jobId).toBe(first.jobId);
    expect(other.jobId).not.toBe(first.jobId);
    await deployment.untilQuiet();
    expect([...deployment.tokens.answers.keys()].toSorted()).toEqual(["a", "b"]);
  });

  it("the supervisor function refuses an unknown event", async () => {
    await expect(deploy().supervisor({ action: "submit" } as never, contextOf())).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

/** Loses every message. */
async function dropAll(deployment: TestDeployment): Promise<void> {
  const queues = ["engine", TASK_QUEUE];
  deployment.clock.ahead += 3_600_000;
  for (let got = 1; got > 0;) {
    const messages = await deployment.queue.receive(queues, 100, 60);
    await deployment.queue.ack(messages.map(({ id }) => id));
    got = messages.length;
  }
}
async function sweepUntilQuiet(deployment: TestDeployment): Promise<void> {
  await deployment.sweeper({}, contextOf());
  await deployment.untilQuiet();
}
