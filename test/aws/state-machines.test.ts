import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAwsPorts } from "../../functions/aws/aws-ports.ts";
import type { Executions } from "../../functions/engine/ports.ts";
import { useTestCredentials } from "./emulated.ts";
import { type ScriptedServer, scriptedServer, scriptedVariables } from "./scripted-server.ts";

const BASE = "arn:aws:states:us-east-1:000000000000:stateMachine:";
const EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:encode:fanfold-1";

describe("executions of state machines", () => {
  let server: ScriptedServer;
  let executions: Executions;
  const started = { body: { executionArn: EXECUTION, startDate: 1 } };
  const described = (more: object) => ({
    body: { executionArn: EXECUTION, stateMachineArn: `${BASE}encode`, startDate: 1, ...more },
  });
  beforeAll(async () => {
    useTestCredentials();
    server = await scriptedServer();
    executions = createAwsPorts({ ...scriptedVariables(server.endpoint), FANFOLD_STATE_MACHINE_ARN_BASE: BASE })
      .executions as Executions;
  });
  afterAll(() => server.close());

  it("an execution is started by name or ARN, with its input unchanged", async () => {
    server.script(started);
    expect(await executions.start("encode", "fanfold-1", { video: "a" })).toBe("started");
    expect(await executions.start("arn:aws:states:eu-west-1:111111111111:stateMachine:far", "fanfold-1", [1])).toBe(
      "started",
    );
    expect(server.requests).toEqual([
      {
        action: "StartExecution",
        body: { stateMachineArn: `${BASE}encode`, name: "fanfold-1", input: '{"video":"a"}' },
      },
      {
        action: "StartExecution",
        body: {
          stateMachineArn: "arn:aws:states:eu-west-1:111111111111:stateMachine:far",
          name: "fanfold-1",
          input: "[1]",
        },
      },
    ]);
  });

  it("an execution exists when an earlier call started it, even when that call lost its answer", async () => {
    server.script({ cut: true }, { error: "ExecutionAlreadyExists" });
    expect(await executions.start("encode", "fanfold-1", {})).toBe("exists");
  });

  it("a missing or unsuitable machine refuses an execution, and a throttled start is not a refusal", async () => {
    for (const error of ["StateMachineDoesNotExist", "StateMachineDeleting", "InvalidExecutionInput"]) {
      server.script({ error });
      expect(await executions.start("encode", "fanfold-1", {})).toMatchObject({ refused: { error } });
    }
    server.script({
      body: { ...started.body, executionArn: "arn:aws:states:us-east-1:000000000000:express:encode:fanfold-1:x" },
    });
    expect(await executions.start("encode", "fanfold-1", {})).toMatchObject({
      refused: { error: "ExpressStateMachine" },
    });
    for (const error of ["ExecutionLimitExceeded", "ThrottlingException"]) {
      server.script({ error });
      await expect(executions.start("encode", "fanfold-1", {})).rejects.toMatchObject({ kind: "throttled" });
    }
  });

  it("an execution reports its outcome once it has ended", async () => {
    server.script(described({ status: "RUNNING" }));
    expect(await executions.endOf("encode", "fanfold-1")).toBeUndefined();
    expect(server.requests).toEqual([{ action: "DescribeExecution", body: { executionArn: EXECUTION } }]);
    server.script({ error: "ExecutionDoesNotExist" });
    expect(await executions.endOf("encode", "fanfold-1")).toBeUndefined();
    server.script(described({ status: "SUCCEEDED", output: '{"seconds":7}' }));
    expect(await executions.endOf("encode", "fanfold-1")).toEqual({ output: { seconds: 7 } });
    server.script(described({ status: "FAILED", error: "Codec.Unknown", cause: "no such codec" }));
    expect(await executions.endOf("encode", "fanfold-1")).toEqual({
      failed: { error: "Codec.Unknown", cause: "no such codec" },
    });
    server.script(described({ status: "TIMED_OUT" }));
    expect(await executions.endOf("encode", "fanfold-1")).toEqual({
      failed: { error: "States.Timeout", cause: "the execution fanfold-1 of encode is TIMED_OUT" },
    });
  });

  it("an output with a number that would be rounded fails the run instead of changing it", async () => {
    server.script(described({ status: "SUCCEEDED", output: '{"id":9007199254740993}' }));
    expect(await executions.endOf("encode", "fanfold-1")).toMatchObject({
      failed: { error: "invalid_json", cause: expect.stringContaining("/id is 9007199254740993") as string },
    });
  });

  it("an execution is stopped, and stopping one that never started is no failure", async () => {
    server.script({ body: { stopDate: 1 } });
    await executions.stop("encode", "fanfold-1", "cancelled");
    expect(server.requests).toEqual([
      { action: "StopExecution", body: { executionArn: EXECUTION, error: "Fanfold.RunEnded", cause: "cancelled" } },
    ]);
    server.script({ error: "ExecutionDoesNotExist" });
    await executions.stop("encode", "fanfold-1", "cancelled");
    server.script({ error: "InternalFailure", status: 500 });
    await expect(executions.stop("encode", "fanfold-1", "cancelled")).rejects.toMatchObject({ kind: "ambiguous" });
  });

  it("the executions port exists only with FANFOLD_STATE_MACHINE_ARN_BASE", () => {
    expect(createAwsPorts(scriptedVariables(server.endpoint)).executions).toBeUndefined();
  });
});
