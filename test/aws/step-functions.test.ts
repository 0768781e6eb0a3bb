import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import type { Supervisions } from "../../functions/engine/ports.ts";
import { useTestCredentials } from "./emulated.ts";
import { type Request, type ScriptedServer, scriptedServer, scriptedVariables } from "./scripted-server.ts";

describe("Step Functions", () => {
  let server: ScriptedServer;
  let ports: AwsPorts;
  let supervisions: Supervisions;
  const input = { workflow: "sum", fields: { a: 1, b: [2] } };
  const started = { body: { executionArn: "arn", startDate: 1_700_000_000 } };
  const exists = { error: "ExecutionAlreadyExists" };
  const described = (standing: object) => ({
    body: { status: "RUNNING", input: JSON.stringify(standing), startDate: 1, stateMachineArn: "a", executionArn: "e" },
  });
  const inputOf = (request: Request | undefined) => JSON.parse(request?.body["input"] as string) as object;
  beforeAll(async () => {
    useTestCredentials();
    server = await scriptedServer();
    ports = createAwsPorts(scriptedVariables(server.endpoint));
    supervisions = ports.supervisions as Supervisions;
  });
  afterAll(() => server.close());

  it("an execution starts with the given name and input", async () => {
    server.script(started);
    expect(await supervisions.start("job", input)).toEqual({ created: true });
    expect(server.requests).toMatchObject([{ action: "StartExecution", body: { name: "job" } }]);
    expect(inputOf(server.requests[0])).toMatchObject(input);
  });

  it("a repeated start with the same input, in any order of fields, is recognised, and another input is refused", async () => {
    server.script(exists, described({ startedBy: "another", fields: { b: [2], a: 1 }, workflow: "sum" }));
    expect(await supervisions.start("job", input)).toEqual({ created: false });
    const executionArn = "arn:aws:states:us-east-1:000000000000:execution:fanfold-supervisor:job";
    expect(server.requests).toMatchObject([
      { action: "StartExecution" },
      { action: "DescribeExecution", body: { executionArn } },
    ]);
    server.script(exists, described({ startedBy: "another", workflow: "sum", fields: { a: 2, b: [2] } }));
    await expect(supervisions.start("job", input)).rejects.toMatchObject({ code: "idempotency_conflict" });
  });

  it("a running execution is shown, and one that has ended or never started is not", async () => {
    server.script(described(input));
    expect(await supervisions.running("job")).toEqual({ input, startedAt: 1_000 });
    server.script({ body: { ...described(input).body, status: "SUCCEEDED" } });
    expect(await supervisions.running("job")).toBeUndefined();
    server.script({ error: "ExecutionDoesNotExist" });
    expect(await supervisions.running("job")).toBeUndefined();
  });

  it("a start recognises its own execution when its answer was lost", async () => {
    let mine: object = {};
    server.script(
      (request) => {
        mine = inputOf(request);
        return { cut: true };
      },
      exists,
      () => described(mine),
    );
    expect(await supervisions.start("job", input)).toEqual({ created: true });
    expect(server.requests.map(({ action }) => action)).toEqual([
      "StartExecution",
      "StartExecution",
      "DescribeExecution",
    ]);
  });

  it("a token is answered, and an expired token is reported as gone", async () => {
    server.script({ body: {} });
    expect(await ports.tokens.succeed("token", { value: 1 })).toBe("sent");
    expect(await ports.tokens.fail("token", "E".repeat(300), "c".repeat(40_000))).toBe("sent");
    const [succeeded, failed] = server.requests;
    expect(succeeded).toEqual({ action: "SendTaskSuccess", body: { taskToken: "token", output: '{"value":1}' } });
    expect(failed?.body).toEqual({ taskToken: "token", error: "E".repeat(256), cause: "c".repeat(32_768) });
    for (const error of ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]) {
      server.script({ error });
      expect(await ports.tokens.succeed("token", 1)).toBe("gone");
    }
    server.script({ error: "InternalFailure", status: 500 });
    await expect(ports.tokens.succeed("token", 1)).rejects.toMatchObject({ kind: "ambiguous" });
  });

  it("the supervisions port exists only with FANFOLD_STATE_MACHINE_ARN", () => {
    const { FANFOLD_STATE_MACHINE_ARN: _, ...without } = scriptedVariables(server.endpoint);
    expect(createAwsPorts(without).supervisions).toBeUndefined();
    expect(() => createAwsPorts({ ...without, FANFOLD_BUCKET: "" })).toThrow(/FANFOLD_BUCKET/);
  });
});
