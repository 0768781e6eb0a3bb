import {
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import { beforeAll, describe, expect, it } from "vitest";
import {
  deadLetterQueueName,
  queueResourceName,
  resourceNames,
  siteFunctionName,
} from "../../../functions/core/names/aws-resource-names.ts";
import { chord, group } from "../../../functions/sdk/index.ts";
import { add, sleep, sum } from "../../../functions/tasks/examples.ts";
import { openDataBucket } from "../data-bucket.ts";
import { type Api, connect, ended, eventually } from "../deployment.ts";
import { PREFIX } from "../names.ts";
import { depth, queueUrl, receive, remove, send } from "../queues.ts";
import { flaky, readObject } from "../tasks/index.ts";

const lambda = new LambdaClient({});
/** Jobs that one retry takes up. */
const JOBS = 12;

describe("failures", () => {
  let api: Api;
  beforeAll(async () => {
    api = await connect();
  });

  it("a task that fails is tried again, and its last attempt counts", async () => {
    const { jobId } = await api.client.submit(chord(group([flaky.s(3), flaky.s(1)]), sum.s()).canvas);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 4, counts: { success: 3 } });
    const runs = (await api.client.runs(jobId)).items.filter(({ task }) => task === "e2e.flaky");
    expect(runs.map(({ attempt }) => attempt)).toEqual([3, 1]);
  });

  it("a task that never succeeds ends with its last error", async () => {
    const { jobId } = await api.client.submit(
      flaky.s(9).set({ retry: { maxAttempts: 2, initialDelaySeconds: 1 } }).canvas,
    );
    const job = await ended(api, jobId);
    expect(job).toMatchObject({ state: "failure", error: { reason: "flaky" } });
    expect((await api.client.run(job.error?.runId ?? "")).attempt).toBe(2);
  });

  it("what failed is retried in place once its cause is gone, and what succeeded does not run again", async () => {
    const put = await openDataBucket();
    const [missing, there] = [`retry/${Date.now()}-missing`, `retry/${Date.now()}-there`];
    await put(there, "abc");
    const parts = group([readObject.s(missing), readObject.s(there), add.s(1, 1)]);
    const { jobId } = await api.client.submit(chord(parts, sum.s()).canvas);
    expect(await ended(api, jobId)).toMatchObject({ state: "failure", round: 0, counts: { success: 2 } });
    expect(await api.client.previewRetry(jobId)).toMatchObject({
      runs: 1,
      failures: [{ task: "e2e.read-object", status: "error", example: `${jobId}.0.g.0` }],
    });
    await put(missing, "abcde");
    expect(await api.client.retryRun(`${jobId}.0.g.0`)).toEqual({ jobId, round: 1, created: true });
    expect(await ended(api, jobId)).toMatchObject({ state: "success", round: 1, value: 10, counts: { success: 4 } });
    const { items } = await api.client.runs(jobId);
    expect([0, 1, 2].map((index) => items.find(({ runId }) => runId === `${jobId}.0.g.${index}`)?.round)).toEqual([
      1, 0, 0,
    ]);
    await expect(api.client.retry(jobId)).rejects.toMatchObject({ code: "nothing_to_retry" });
  });

  it("S110 S111 what failed in many jobs for one cause is retried by a filter, page by page, and nothing else of them", async () => {
    const put = await openDataBucket();
    const [missing, since] = [`retry-all/${Date.now()}`, Date.now()];
    const canvasOf = (k: number) => chord(group([readObject.s(missing), add.s(k, 1)]), sum.s()).canvas;
    const jobIds: string[] = [];
    for (let k = 0; k < JOBS; k++) jobIds.push((await api.client.submit(canvasOf(k))).jobId);
    for (const jobId of jobIds) expect(await ended(api, jobId)).toMatchObject({ state: "failure", round: 0 });
    const filter = { task: "e2e.read-object", since };
    const dryRun = async () => {
      const answer = await api.client.retryAll({ ...filter, dryRun: true });
      return answer.retried === JOBS ? answer : undefined;
    };
    expect(await eventually(dryRun, { what: "all jobs to be followed up" })).toMatchObject({ runs: JOBS });
    await put(missing, "abcde");
    const pages: (readonly string[])[] = [];
    let cursor: string | undefined;
    do {
      const asked = cursor === undefined ? { idempotencyKey: missing } : { cursor };
      const answer = await api.client.retryAll({ ...filter, limit: 5, ...asked });
      pages.push(answer.jobs.map(({ jobId }) => jobId));
      ({ cursor } = answer);
    } while (cursor !== undefined);
    // A page is shorter when its ten seconds are over.
    expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(5);
    expect(pages.flat().toSorted()).toEqual(jobIds.toSorted());
    for (const [k, jobId] of jobIds.entries()) {
      expect(await ended(api, jobId)).toMatchObject({ state: "success", round: 1, value: k + 6 });
      expect(await api.client.run(`${jobId}.0.g.1`)).toMatchObject({ round: 0, attempt: 1 });
    }
    expect(await api.client.retryAll(filter)).toMatchObject({ retried: 0, skipped: { nothing: JOBS } });
  });

  it("cancel ends what runs, keeps what waits from starting, and the job reads cancelled", async () => {
    const { jobId } = await api.client.submit(chord(group([add.s(1, 1), sleep.s(240)]), sum.s()).canvas);
    const running = async () =>
      (await api.client.runs(jobId)).items.find(({ task, status }) => task === "sleep" && status === "started");
    await eventually(running, { what: "the sleeping task to run" });
    const before = Date.now();
    expect(await api.client.cancel(jobId)).toBe(true);
    const job = await ended(api, jobId);
    expect(job).toMatchObject({ state: "cancelled", outcome: "cancelled" });
    expect(Date.now() - before).toBeLessThan(200_000);
    const statuses = (await api.client.runs(jobId)).items.map(({ task, status }) => [task, status]);
    expect(statuses).not.toContainEqual(["math.sum", "success"]);
    expect(await api.client.cancel(jobId)).toBe(false);
  });

  it("the API lists failures by task and reason", async () => {
    const { jobId } = await api.client.submit(flaky.s(9).set({ retry: { maxAttempts: 1 } }).canvas);
    await ended(api, jobId);
    const { items } = await api.client.failures({ task: "e2e.flaky", reason: "flaky" });
    expect(items).toMatchObject([{ error: { name: "TaskError" } }]);
    expect(items[0]?.runIds).toContain(`${jobId}.0`);
  });

  it.each([
    ["the worker's queue", "london.default#worker"],
    ["the engine's queue", "engine"],
  ])(
    "poison in %s becomes a dead letter, which the API sends again and removes, and work goes on",
    async (_, queue) => {
      const url = await queueUrl(queueResourceName(PREFIX, queue));
      const body = `this is no message of ours ${Date.now()}`;
      await send(url, body);
      const { jobId } = await api.client.start("example.sum-of-sums", { n: 30 });
      expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 870 });
      const kept = async (not?: string) =>
        (await api.client.deadLetters({ queue })).items.find((letter) => letter.body === body && letter.id !== not);
      const letter = await eventually(() => kept(), { what: `the dead letter of ${queue}` });
      expect(await api.client.deadLetter(letter.id)).toMatchObject({ reason: "not_understood", queue, redrives: 0 });
      const { id } = letter;
      expect(await api.client.redriveDeadLetters({ id, dryRun: true })).toMatchObject({ letters: 1 });
      expect(await api.client.redriveDeadLetters({ id })).toMatchObject({ letters: 1, refused: 0 });
      await expect(api.client.deadLetter(id)).rejects.toMatchObject({ code: "dead_letter_not_found" });
      // It went through its queue once more, and its worker understands it no better.
      const again = await eventually(() => kept(id), { what: "the message that was sent again" });
      expect(await api.client.purgeDeadLetters({ id: again.id })).toMatchObject({ letters: 1 });
      expect(await kept()).toBeUndefined();
      await eventually(async () => ((await depth(url)) === 0 ? true : undefined), { what: `${queue} to be empty` });
    },
  );

  it("a message of an unknown release that its queue gave up becomes a dead letter of that queue", async () => {
    const deadUrl = await queueUrl(resourceNames(PREFIX).engineDeadLetterQueue);
    const body = { v: 99, kind: "of-the-future", at: Date.now() };
    await send(deadUrl, JSON.stringify(body));
    const letter = await eventually(
      async () =>
        (await api.client.deadLetters({ queue: "engine" })).items.find(
          (each) => JSON.stringify(each.body) === JSON.stringify(body),
        ),
      { what: "the dead letter" },
    );
    expect(letter.reason).toBe("not_understood");
    await eventually(async () => ((await depth(deadUrl)) === 0 ? true : undefined), { what: "the queue to be empty" });
    await api.client.purgeDeadLetters({ id: letter.id });
  });

  it("a run whose message was given up is looked at, sent again, and ends", async () => {
    const queue = "london.heavy#custom";
    const [url, deadUrl] = await Promise.all([
      queueUrl(queueResourceName(PREFIX, queue)),
      queueUrl(deadLetterQueueName(PREFIX, "london")),
    ]);
    await consuming(siteFunctionName(PREFIX, "london", { role: "worker", function: "custom" }), false);
    const { jobId } = await api.client.submit(add.s(20, 22).set({ queue }).canvas);
    const message = await eventually(() => receive(url), { what: "the message of the run" });
    // The test moves the message to the dead-letter queue itself. SQS does so after too many receives.
    await send(deadUrl, message.Body ?? "", jobId);
    await remove(url, message);
    await consuming(siteFunctionName(PREFIX, "london", { role: "worker", function: "custom" }), true);
    expect(await ended(api, jobId)).toMatchObject({ state: "success", value: 42 });
  });
});

/** Enables or disables the event sources of a function, and waits until the change has taken effect. */
async function consuming(functionName: string, enabled: boolean): Promise<void> {
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: functionName }),
  );
  expect(EventSourceMappings.length).toBeGreaterThan(0);
  for (const { UUID } of EventSourceMappings) {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: enabled }));
    const state = async () =>
      (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === (enabled ? "Enabled" : "Disabled")
        ? true
        : undefined;
    await eventually(state, { what: `${functionName} to be ${enabled ? "on" : "off"}` });
  }
}
