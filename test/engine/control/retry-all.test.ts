import { describe, expect, it } from "vitest";
import type { RetriedJobs } from "../../../functions/engine/contract.ts";
import type { RetryAllRequest } from "../../../functions/engine/requests.ts";
import { headerKey } from "../../../functions/engine/item-kinds.ts";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Outage, writesHeader } from "../scripted-faults.ts";

/** Jobs whose members fail for the reasons that they name, while these are there. */
class Site {
  readonly reasons = new Set<string>();
  ran: string[] = [];
  readonly local: LocalEngine;
  readonly #copy = defineTask({ name: "copy", run: (_ctx, reason: string) => this.#run(reason) });
  readonly #read = defineTask({ name: "read", run: (_ctx, reason: string) => this.#run(reason) });

  constructor() {
    this.local = new LocalEngine([this.#copy, this.#read]);
  }
  #run(reason: string): string {
    this.ran.push(reason);
    if (this.reasons.has(reason)) throw new TaskError(`no: ${reason}`, { reason, retryable: false });
    return reason;
  }
  /** Returns the id of a job that has failed. Its members begin to fail a minute after those of the job before. */
  async fails({ copy = [], read = [] }: { copy?: readonly string[]; read?: readonly string[] }): Promise<string> {
    this.local.clock.set(this.local.clock.now() + 60_000);
    for (const reason of [...copy, ...read]) this.reasons.add(reason);
    const members = [...copy.map((reason) => this.#copy.s(reason)), ...read.map((reason) => this.#read.s(reason))];
    const { jobId } = await this.local.engine.submit({ canvas: group(members, { policy: "settled" }).canvas });
    await this.local.untilQuiet();
    this.ran = [];
    return jobId;
  }
  /** Takes the reasons away, retries page by page, and returns the answers. Lets the rounds end after each page. */
  async retried(request: RetryAllRequest): Promise<RetriedJobs[]> {
    const answers: RetriedJobs[] = [];
    let cursor: string | undefined;
    do {
      const answer = await this.local.engine.retryAll({ ...request, ...(cursor !== undefined && { cursor }) });
      answers.push(answer);
      await this.local.untilQuiet();
      cursor = answer.cursor;
    } while (cursor !== undefined);
    return answers;
  }
  async stateOf(jobId: string): Promise<string> {
    const { state, round } = (await this.local.engine.job(jobId)) ?? { state: "gone", round: 0 };
    return `${state} ${round}`;
  }
}
const jobsOf = (answers: readonly RetriedJobs[]) => answers.map(({ jobs }) => jobs.map(({ jobId }) => jobId));
const NONE = { unfinished: 0, over: 0, nothing: 0 };

describe("a retry of many jobs", () => {
  it("S113 a reason retries every job that has it, the newest first, and nothing else of them", async () => {
    const site = new Site();
    const first = await site.fails({ copy: ["disk", "gone"] });
    const other = await site.fails({ read: ["gone"] });
    const last = await site.fails({ copy: ["disk", "disk"] });
    site.reasons.clear();
    expect(await site.retried({ reason: "disk" })).toEqual([
      {
        retried: 2,
        skipped: NONE,
        jobs: [
          { jobId: last, round: 1 },
          { jobId: first, round: 1 },
        ],
      },
    ]);
    expect(site.ran).toEqual(["disk", "disk", "disk"]);
    expect(await Promise.all([first, other, last].map((id) => site.stateOf(id)))).toEqual([
      "failure 1",
      "failure 0",
      "success 1",
    ]);
  });
  it("a task retries its failures of all reasons, and with a reason only those of both", async () => {
    const site = new Site();
    const both = await site.fails({ copy: ["disk", "gone"], read: ["disk"] });
    await site.fails({ read: ["gone"] });
    site.reasons.clear();
    expect(jobsOf(await site.retried({ task: "copy", reason: "gone" }))).toEqual([[both]]);
    expect(site.ran).toEqual(["gone"]);
    expect(jobsOf(await site.retried({ task: "copy" }))).toEqual([[both]]);
    expect(site.ran).toEqual(["gone", "disk"]);
  });
  it("S113 only failures since a time are retried, and the older ones of the same job stay", async () => {
    const site = new Site();
    await site.fails({ copy: ["disk"] });
    const both = await site.fails({ copy: ["disk", "gone"] });
    const since = site.local.clock.now() + 30_000;
    site.local.clock.set(since + 30_000);
    await site.local.engine.retry(both, { filter: { reasons: ["gone"] } });
    await site.local.untilQuiet();
    site.ran = [];
    site.reasons.clear();
    const [answer, ...more] = await site.retried({ task: "copy", since });
    expect([answer, more]).toEqual([{ retried: 1, skipped: NONE, jobs: [{ jobId: both, round: 2 }] }, []]);
    expect(site.ran).toEqual(["gone"]);
    const later = site.local.clock.now() + 1;
    expect(await site.retried({ task: "copy", since: later })).toEqual([{ retried: 0, skipped: NONE, jobs: [] }]);
  });

  it("S112 a job that runs, is over, has expired or has nothing left is counted, and the others are retried", async () => {
    const site = new Site();
    const { engine, store, clock } = site.local;
    const over = await site.fails({ copy: ["disk"] });
    clock.set(((await engine.job(over))?.deadlineAt ?? 0) - 90_000);
    const done = await site.fails({ copy: ["disk"] });
    site.reasons.clear();
    await engine.retry(done, {});
    await site.local.untilQuiet();
    const expired = await site.fails({ copy: ["disk"] });
    await store.write({ op: "remove", key: headerKey(expired) });
    const owed = await site.fails({ copy: ["disk"] });
    const running = await site.fails({ copy: ["disk"] });
    await engine.retry(running, {});
    const skipped = { unfinished: 1, over: 2, nothing: 1 };
    const jobs = [{ jobId: owed, round: 1 }];
    for (const dryRun of [true, false])
      expect(await engine.retryAll({ task: "copy", dryRun })).toMatchObject({ retried: 1, skipped, jobs });
  });
  it("a dry run counts the runs of each job, and changes nothing", async () => {
    const site = new Site();
    const [one, two] = [await site.fails({ copy: ["disk", "gone"] }), await site.fails({ copy: ["disk"] })];
    const answer = await site.local.engine.retryAll({ task: "copy", dryRun: true });
    expect(answer).toEqual({
      retried: 2,
      runs: 3,
      skipped: NONE,
      jobs: [
        { jobId: two, round: 1, runs: 1 },
        { jobId: one, round: 1, runs: 2 },
      ],
    });
    expect([await site.stateOf(one), await site.stateOf(two), site.ran]).toEqual(["failure 0", "failure 0", []]);
  });

  it("goes on with the cursor until every job was retried once", async () => {
    const site = new Site();
    const ids: string[] = [];
    for (let k = 0; k < 5; k++) ids.push(await site.fails({ copy: ["disk"] }));
    site.reasons.clear();
    const answers = await site.retried({ reason: "disk", limit: 2 });
    expect(jobsOf(answers)).toEqual([ids.slice(3).toReversed(), ids.slice(1, 3).toReversed(), ids.slice(0, 1)]);
    expect(site.ran).toHaveLength(5);
  });
  it("S111 without its cursor a call takes up its own page only, and leaves the other jobs as they are", async () => {
    const site = new Site();
    const [older, newer] = [await site.fails({ copy: ["disk"] }), await site.fails({ copy: ["disk"] })];
    site.reasons.clear();
    const { cursor } = await site.local.engine.retryAll({ reason: "disk", limit: 1 });
    await site.local.untilQuiet();
    expect(cursor).toBeDefined();
    expect([await site.stateOf(older), await site.stateOf(newer)]).toEqual(["failure 0", "success 1"]);
    expect(site.ran).toHaveLength(1);
  });
  it("retries no job twice in one request, though it failed again and later pages have failures of it", async () => {
    const site = new Site();
    const one = await site.fails({ copy: ["disk", "gone"] });
    const two = await site.fails({ copy: ["disk", "gone"] });
    const answers = await site.retried({ task: "copy", limit: 1 });
    expect(answers.length).toBeGreaterThan(2);
    expect(new Set(answers.flatMap(({ jobs }) => jobs.map(({ round }) => round)))).toEqual(new Set([1]));
    expect([await site.stateOf(one), await site.stateOf(two)]).toEqual(["failure 1", "failure 1"]);
    expect(site.ran).toHaveLength(4);
    await site.retried({ task: "copy" });
    expect([await site.stateOf(one), await site.stateOf(two)]).toEqual(["failure 2", "failure 2"]);
  });
  it("looks at a thousand failures a call and counts a thousand runs, and the next call goes on", async () => {
    const site = new Site();
    const jobId = await site.fails({ copy: Array.from({ length: 1_200 }, () => "disk") });
    const other = await site.fails({ read: ["disk"] });
    const big = { jobId, round: 1, runs: 1_000, exact: false };
    const answers = await site.retried({ reason: "disk", dryRun: true });
    expect(answers.map(({ jobs }) => jobs)).toEqual([[big], [big], [{ jobId: other, round: 1, runs: 1 }]]);
  });
  it("a call that has worked for ten seconds answers, and the next goes on", async () => {
    const site = new Site();
    const [one, two] = [await site.fails({ copy: ["disk"] }), await site.fails({ copy: ["disk"] })];
    site.reasons.clear();
    const slow = site.local.over(site.local, (ports) => ({
      ...ports,
      queue: {
        maxDelaySeconds: ports.queue.maxDelaySeconds,
        depth: (queue) => ports.queue.depth(queue),
        send: async (messages) => {
          site.local.clock.set(site.local.clock.now() + 10_000);
          await ports.queue.send(messages);
        },
      },
    }));
    const first = await slow.retryAll({ task: "copy" });
    expect(first.jobs.map(({ jobId }) => jobId)).toEqual([two]);
    const second = await slow.retryAll({ task: "copy", cursor: first.cursor as string });
    expect(second.jobs.map(({ jobId }) => jobId)).toEqual([one]);
  });

  it("an outage fails the call, and the repeated call retries what is left, and nothing twice", async () => {
    const site = new Site();
    const ids = [await site.fails({ copy: ["disk"] }), await site.fails({ copy: ["disk"] })];
    const [one, two] = ids as [string, string];
    const request = { task: "copy", idempotencyKey: "monday" };
    const cut = site.local.over(site.local, new Outage(writesHeader(one, "retry")).around);
    await expect(cut.retryAll(request)).rejects.toThrow(Outage.message);
    await site.local.untilQuiet();
    expect([await site.stateOf(one), await site.stateOf(two)]).toEqual(["failure 0", "failure 1"]);
    expect(await site.local.engine.retryAll(request)).toMatchObject({
      retried: 2,
      jobs: [
        { jobId: two, round: 1 },
        { jobId: one, round: 1 },
      ],
    });
    await site.local.untilQuiet();
    expect(site.ran).toHaveLength(2);
  });
  it("the same Idempotency-Key for other failures is refused", async () => {
    const site = new Site();
    await site.fails({ copy: ["disk"] });
    await site.retried({ task: "copy", idempotencyKey: "monday" });
    await expect(site.local.engine.retryAll({ reason: "disk", idempotencyKey: "monday" })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
  });

  it("a cursor of another list, request or filter is refused", async () => {
    const site = new Site();
    for (let k = 0; k < 2; k++) await site.fails({ copy: ["disk"] });
    const { cursor = "" } = await site.local.engine.retryAll({ task: "copy", dryRun: true, limit: 1 });
    const { engine } = site.local;
    const refused = { code: "invalid_request", details: { field: "?cursor" } };
    expect((await engine.retryAll({ task: "copy", reason: "disk", dryRun: true, cursor })).jobs).toHaveLength(1);
    for (const wrong of [
      { task: "copy", cursor: "" },
      { task: "copy", cursor: "copy#disk" },
      { task: "copy", cursor: `${cursor}\0` },
      { task: "read", cursor },
      { reason: "gone", cursor },
      { task: "copy", cursor, since: site.local.clock.now() + 1 },
      { task: "copy", cursor, idempotencyKey: "monday" },
    ])
      await expect(engine.retryAll({ ...wrong, dryRun: true })).rejects.toMatchObject(refused);
  });
});
