import { describe, expect, it } from "vitest";
import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import { chain, defineStateMachineTask, defineTask } from "../../functions/sdk/index.ts";
import { contextOf, eventOf, recordOf, TASK_QUEUE, TestDeployment } from "./deployment.ts";

const encode = defineStateMachineTask<[video: string], { seconds: number }>({
  name: "encode",
  stateMachine: "encode-video",
  timeout: 3_600,
  input: (_ctx, video) => ({ video }),
});
const length = defineTask({ name: "length", run: (_ctx, made: { seconds: number }) => made.seconds });

async function start(canvas: Canvas = chain(encode.s("a.mp4"), length.s()).canvas) {
  const deployment = new TestDeployment({ encode, length });
  const { engine } = await deployment.engine();
  const { jobId } = await engine.submit({ canvas });
  await deployment.untilQuiet();
  return { deployment, engine, jobId, execution: [...deployment.executions.all.values()][0] };
}
/** Returns the message that the rule of infra/constructs/execution-events.ts makes of an event. */
const endedMessage = (name: string) =>
  recordOf("engine", name, JSON.stringify({ v: 1, kind: "executionEnded", execution: name }));

describe("a run whose work is an execution", () => {
  it("a run whose work is an execution waits for it and names it", async () => {
    const { deployment, engine, jobId, execution } = await start();
    expect(execution).toMatchObject({ machine: "encode-video", input: { video: "a.mp4" } });
    expect(execution?.name).toMatch(new RegExp(`^fanfold-${jobId}-[0-9a-f]{12}$`));
    const run = await engine.run(`${jobId}.0`);
    expect(run).toMatchObject({
      status: "waiting",
      task: "encode",
      wait: { of: "execution", name: "encode-video", execution: execution?.name },
    });
    expect(run?.wait?.expiresAt).toBeGreaterThan(deployment.clock.now() + 3_500_000);
    expect(await deployment.invoke(TASK_QUEUE)).toBeUndefined();
  });

  it("a run ends when the platform reports the end of its execution, and takes its output", async () => {
    const { deployment, engine, jobId, execution } = await start();
    execution!.end = { output: { seconds: 7 } };
    await deployment.control(
      eventOf(endedMessage(execution!.name), endedMessage("fanfold-of-somebody-else-000000000000")),
      contextOf(),
    );
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({
      state: "success",
      value: 7,
      counts: { success: 2 },
      countsExact: true,
    });
  });

  it("the sweeper finds that an execution failed, and its run fails with the same error", async () => {
    const { deployment, engine, jobId, execution } = await start();
    execution!.end = { failed: { error: "Codec.Unknown", cause: "no such codec" } };
    deployment.clock.ahead += 120_000;
    await deployment.sweeper({}, contextOf());
    await deployment.untilQuiet();
    const error = { name: "Codec.Unknown", message: "no such codec", reason: "execution_failed", runId: `${jobId}.0` };
    expect(await engine.job(jobId)).toMatchObject({ state: "failure", counts: { error: 1 }, error });
  });

  it("a retry starts another execution, under another name, and the job takes its output", async () => {
    const { deployment, engine, jobId, execution } = await start();
    execution!.end = { failed: { error: "Codec.Unknown", cause: "no such codec" } };
    await deployment.control(eventOf(endedMessage(execution!.name)), contextOf());
    await deployment.untilQuiet();
    expect(await engine.retry(jobId, {})).toMatchObject({ round: 1 });
    await deployment.untilQuiet();
    const [second, ...others] = deployment.executions.running();
    expect(others).toEqual([]);
    expect(second).toMatchObject({ machine: "encode-video", input: { video: "a.mp4" } });
    expect(second?.name).not.toBe(execution!.name);
    second!.end = { output: { seconds: 9 } };
    // The event of the first execution may come again, and says nothing of the second.
    await deployment.control(eventOf(endedMessage(execution!.name), endedMessage(second!.name)), contextOf());
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", value: 9, round: 1, counts: { success: 2 } });
    expect(deployment.executions.all.size).toBe(2);
  });

  it("a run fails when its state machine does not exist", async () => {
    const deployment = new TestDeployment({ encode, length });
    deployment.executions.unknown.add("encode-video");
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: encode.s("a.mp4").canvas });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({
      state: "failure",
      error: { name: "StateMachineDoesNotExist", reason: "execution_failed" },
    });
  });

  it("an execution is stopped at once when its job is cancelled", async () => {
    const { deployment, engine, jobId, execution } = await start();
    expect(await engine.cancel(jobId)).toBe(true);
    await deployment.untilQuiet();
    expect(execution?.stopped).toContain("has ended");
    expect((await engine.job(jobId))?.state).toBe("cancelled");
  });

  it("an execution that starts after its run has ended is stopped", async () => {
    const deployment = new TestDeployment({ encode, length });
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: encode.s("a.mp4").canvas });
    deployment.executions.beforeStart = async () => {
      deployment.executions.beforeStart = undefined;
      await engine.cancel(jobId);
      while ((await deployment.invoke("engine")) !== undefined);
      expect((await engine.run(`${jobId}.0`))?.status).toBe("cancelled");
      expect(deployment.executions.all.size).toBe(0);
    };
    await deployment.untilQuiet();
    expect(deployment.executions.all.size).toBe(1);
    expect(deployment.executions.running()).toEqual([]);
  });

  it("an execution is stopped when its run is revoked", async () => {
    const { deployment, engine, jobId, execution } = await start();
    expect(await engine.revoke(`${jobId}.0`)).toBe(true);
    await deployment.untilQuiet();
    expect(execution?.stopped).toBeDefined();
    expect(await engine.run(`${jobId}.0`)).toMatchObject({ status: "cancelled", error: { reason: "revoked" } });
  });

  it("an execution that takes longer than its task allows is stopped, and its run fails", async () => {
    const { deployment, engine, jobId, execution } = await start();
    deployment.clock.ahead += 3_700_000;
    await deployment.sweeper({}, contextOf());
    await deployment.untilQuiet();
    expect(execution?.stopped).toBeDefined();
    expect(await engine.job(jobId)).toMatchObject({
      state: "failure",
      counts: { error: 1 },
      error: { reason: "task_timeout" },
    });
  });

  it("a run that waits for an execution cannot be completed through the API", async () => {
    const { engine, jobId } = await start();
    await expect(engine.complete(`${jobId}.0`, "guess", { value: 1 })).rejects.toMatchObject({
      code: "wrong_token",
    });
  });

  it("the output of an execution is not kept when the task ignores its result", async () => {
    const { deployment, engine, jobId, execution } = await start(
      encode.signature(["a.mp4"], {}, { ignoreResult: true }).canvas,
    );
    execution!.end = { output: { seconds: 7 } };
    await deployment.control(eventOf(endedMessage(execution!.name)), contextOf());
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", value: null });
  });

  it("a run whose work is an execution fails at once without state machines", async () => {
    const deployment = new TestDeployment({ encode, length }, { engine: { executions: undefined } });
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: encode.s("a.mp4").canvas });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "executions_unavailable" } });
    expect(deployment.executions.all.size).toBe(0);
  });
});
