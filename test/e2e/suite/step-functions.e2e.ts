import { randomUUID } from "node:crypto";
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { beforeAll, describe, expect, it } from "vitest";
import { resourceNames } from "../../../functions/core/names/aws-resource-names.ts";
import { chain } from "../../../functions/sdk/index.ts";
import { ACCOUNT, type Api, connect, ended, ENDPOINT, eventually, REGION, signer } from "../deployment.ts";
import { PREFIX, USER_STATE_MACHINE, WORK_STATE_MACHINE } from "../names.ts";
import { plusOne, twice } from "../tasks/index.ts";

const sfn = new SFNClient({});
const executionArn = (machine: string, name: string): string =>
  `arn:aws:states:${REGION}:${ACCOUNT}:execution:${machine}:${name}`;
const machineArn = (machine: string): string => `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${machine}`;

/** Waits for the end of an execution and returns its description. */
async function endOf(arn: string): Promise<DescribeExecutionCommandOutput> {
  return eventually(
    async () => {
      const execution = await sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
      return execution.status === "RUNNING" ? undefined : execution;
    },
    { what: `the end of ${arn}` },
  );
}
async function history(arn: string): Promise<readonly (string | undefined)[]> {
  return ((await sfn.send(new GetExecutionHistoryCommand({ executionArn: arn, maxResults: 1_000 }))).events ?? []).map(
    ({ type }) => type,
  );
}

describe("a supervised job", () => {
  const supervisor = resourceNames(PREFIX).supervisorStateMachine;
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const start = async (
    workflow: string,
    body: object = {},
    key = randomUUID(),
  ): Promise<{ jobId: string; created: boolean }> => {
    const answer = await api.fetch(`/workflows/${workflow}/jobs?supervised=true`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
    expect([200, 201]).toContain(answer.status);
    return (await answer.json()) as { jobId: string; created: boolean };
  };
  const begun = async (jobId: string) =>
    eventually(async () => ((await api.client.job(jobId)).state === "pending" ? undefined : true), {
      what: `the first run of job ${jobId}`,
    });

  it("is an execution of its name, which ends with its outcome", async () => {
    const { jobId } = await start("example.sum-of-sums", { fields: { n: 12 } });
    const arn = executionArn(supervisor, jobId);
    const execution = await endOf(arn);
    expect(execution).toMatchObject({ status: "SUCCEEDED", name: jobId });
    expect(JSON.parse(execution.output ?? "")).toMatchObject({
      jobId,
      state: "success",
      value: 132,
      counts: { success: 13 },
    });
    expect(await history(arn)).toEqual(
      expect.arrayContaining(["ExecutionStarted", "TaskScheduled", "TaskSucceeded", "ExecutionSucceeded"]),
    );
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 132, workflow: "example.sum-of-sums" });
  });

  it("started twice with one key is one execution", async () => {
    const key = randomUUID();
    const [first, second] = [
      await start("example.sum-of-sums", { fields: { n: 5 } }, key),
      await start("example.sum-of-sums", { fields: { n: 5 } }, key),
    ];
    expect(second.jobId).toBe(first.jobId);
    expect((await endOf(executionArn(supervisor, first.jobId))).status).toBe("SUCCEEDED");
    expect((await ended(api, first.jobId)).counts).toMatchObject({ success: 6 });
  });

  it("that fails gives its error to the execution", async () => {
    const { jobId } = await start("e2e.failing");
    const execution = await endOf(executionArn(supervisor, jobId));
    expect(execution).toMatchObject({ status: "FAILED", error: "Fanfold.JobFailure" });
    expect(JSON.parse(execution.cause ?? "")).toMatchObject({ jobId, state: "failure", error: { reason: "e2e" } });
  });

  it("is cancelled when its execution is stopped", async () => {
    const { jobId } = await start("e2e.endless");
    await begun(jobId);
    await sfn.send(
      new StopExecutionCommand({
        executionArn: executionArn(supervisor, jobId),
        error: "Test",
        cause: "stopped by a test",
      }),
    );
    expect(await endOf(executionArn(supervisor, jobId))).toMatchObject({
      status: "ABORTED",
      error: "Test",
      cause: "stopped by a test",
    });
    expect(await ended(api, jobId)).toMatchObject({ state: "cancelled" });
  });

  it("that runs out of time ends its execution as timed out", async () => {
    const { jobId } = await start("e2e.endless", { timeoutSeconds: 3 });
    expect(await endOf(executionArn(supervisor, jobId))).toMatchObject({
      status: "FAILED",
      error: "Fanfold.JobTimedOut",
    });
    expect(await ended(api, jobId)).toMatchObject({ state: "timed-out" });
  });
});

describe("a state machine of a user", () => {
  it("runs a workflow as a step, and goes on with its result", async () => {
    const { executionArn: arn = "" } = await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: machineArn(USER_STATE_MACHINE),
        input: JSON.stringify({ workflow: "example.sum-of-sums", n: 6 }),
      }),
    );
    const execution = await endOf(arn);
    expect(execution.status).toBe("SUCCEEDED");
    expect(JSON.parse(execution.output ?? "")).toEqual({ sum: 30, state: "success" });
    expect(await history(arn)).toContain("PassStateExited");
  });

  it("catches the failure of a workflow by its name", async () => {
    const { executionArn: arn = "" } = await sfn.send(
      new StartExecutionCommand({
        stateMachineArn: machineArn(USER_STATE_MACHINE),
        input: JSON.stringify({ workflow: "e2e.failing", n: 1 }),
      }),
    );
    const execution = await endOf(arn);
    expect(execution.status).toBe("SUCCEEDED");
    expect(JSON.parse(execution.output ?? "")).toEqual({ caught: "Fanfold.JobFailure" });
  });
});

describe("a state machine as a task", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });
  const submit = async ({ canvas }: { readonly canvas: Parameters<Api["client"]["submit"]>[0] }) =>
    (await api.client.submit(canvas)).jobId;
  /** Returns the execution that the first run of a job waits for, as soon as it is running. */
  const running = async (jobId: string): Promise<string> =>
    eventually(
      async () => {
        const run = await api.client.run(`${jobId}.0`).catch(() => undefined);
        if (run?.wait?.execution === undefined) return undefined;
        const arn = executionArn(WORK_STATE_MACHINE, run.wait.execution);
        const { status } = await sfn
          .send(new DescribeExecutionCommand({ executionArn: arn }))
          .catch(() => ({ status: undefined }));
        return status === "RUNNING" ? arn : undefined;
      },
      { what: `the execution of ${jobId}` },
    );

  it("gives its output to the next step of a chain", async () => {
    const job = await ended(api, await submit(chain(twice.s(21, 0), plusOne.s())));
    expect(job).toMatchObject({ state: "success", value: 43, counts: { success: 2 }, countsExact: true });
  });

  it("fails its run with the error it fails with", async () => {
    const job = await ended(api, await submit(chain(twice.s(-1, 0), plusOne.s())));
    expect(job).toMatchObject({
      state: "failure",
      counts: { error: 1 },
      error: { name: "Work.Refused", message: "as asked", reason: "execution_failed" },
    });
  });

  it("is stopped when its job is cancelled", async () => {
    const jobId = await submit(twice.s(1, 280));
    const arn = await running(jobId);
    expect(await api.client.cancel(jobId)).toBe(true);
    expect((await ended(api, jobId)).state).toBe("cancelled");
    expect(await endOf(arn)).toMatchObject({ status: "ABORTED" });
  });

  it("that has ended without an event is found by the sweeper", async () => {
    const events = async (action: string, body: object): Promise<unknown> => {
      const headers = { "X-Amz-Target": `AWSEvents.${action}`, "Content-Type": "application/x-amz-json-1.1" };
      const answer = await signer("events").fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return answer.json().catch(() => undefined);
    };
    const { Rules } = (await events("ListRules", {})) as { Rules: { Name: string; EventPattern?: string }[] };
    const telling = Rules.filter(({ EventPattern = "" }) => EventPattern.includes(WORK_STATE_MACHINE));
    expect(telling).toHaveLength(1);
    const rule = { Name: telling[0]?.Name };
    await events("DisableRule", rule);
    try {
      const jobId = await submit(twice.s(4, 3));
      expect(await ended(api, jobId, 300)).toMatchObject({ state: "success", value: { twice: 8 } });
    } finally {
      await events("EnableRule", rule);
    }
  }, 330_000);
});
