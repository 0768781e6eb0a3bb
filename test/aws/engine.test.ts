import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import type { Tracking } from "../../functions/core/canvas/canvas.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { createEngine } from "../../functions/engine/engine.ts";
import type { Clock, Store } from "../../functions/engine/ports.ts";
import type { WorkerLoop } from "../../functions/engine/worker-loop.ts";
import { SystemIds } from "../../functions/host/system-ids.ts";
import { chord, group } from "../../functions/sdk/index.ts";
import { createRegistry, createRunner } from "../../functions/sdk/runner.ts";
import { add, sum } from "../../functions/tasks/examples.ts";
import { MemoryBlobs } from "../../functions/testing/ports/memory-blobs.ts";
import { MemoryQueue } from "../../functions/testing/ports/memory-queue.ts";
import { emulatedVariables, isEmulated, makeTables } from "./emulated.ts";

const QUEUES = ["engine", "local.default#worker"];
const CHILDREN = 2_000;
const LOOP: WorkerLoop = {
  takeSlot: async () => ({ release: () => undefined }),
  tryTakeSlot: () => undefined,
  hold: () => ({ ready: undefined, narrow: () => undefined, release: () => undefined }),
};

/** Measures what a member of a group costs on a real DynamoDB, as DynamoDB counts it. The queues are in memory. */
describe.runIf(isEmulated("DYNAMODB"))("the engine where AWS_ENDPOINT_URL names a DynamoDB", () => {
  let ports: AwsPorts;
  let removeTables: () => Promise<void>;
  beforeAll(async () => {
    const variables = emulatedVariables();
    removeTables = await makeTables(variables);
    ports = createAwsPorts(variables);
  });
  afterAll(() => removeTables());

  /**
   * On a slow emulator members end one by one, and then each of them is marked alone. test/engine holds the engine to the
   * budgets when they end together.
   */
  const ONE_BY_ONE = 0.5;
  const budgets: readonly [Tracking, number][] = [
    ["lazy", 2.2],
    ["full", 3.2],
  ];
  it.each(budgets)(
    "a chord with %s tracking costs about %d write units for each of its members",
    async (tracking, budget) => {
      const calls = new OpenCalls(ports.store);
      const clock: Clock = { now: Date.now, pause: () => calls.none() };
      const queue = new MemoryQueue(clock);
      const tasks = [add, sum];
      const engine = createEngine({
        store: calls.store,
        queue,
        blobs: new MemoryBlobs(),
        clock,
        ids: new SystemIds(clock),
        registry: createRegistry(tasks),
        runner: createRunner(tasks),
      });
      const before = ports.usage();
      const members = group(
        Array.from({ length: CHILDREN }, (_, i) => add.s(i, 1)),
        { tracking },
      );
      const { jobId } = await engine.submit({ canvas: chord(members, sum.s()).canvas });
      await untilEnded(engine, queue, jobId);
      expect(await engine.job(jobId)).toMatchObject({
        state: "success",
        value: (CHILDREN * (CHILDREN + 1)) / 2,
        counts: { success: CHILDREN + 1 },
      });
      const after = ports.usage();
      const per = (used: number) => used / CHILDREN;
      const [writes, reads] = [per(after.writeUnits - before.writeUnits), per(after.readUnits - before.readUnits)];
      console.info(
        `${tracking}: ${writes.toFixed(3)} write units (budget ${budget}), ${reads.toFixed(3)} read units per member of ${CHILDREN}`,
      );
      expect(writes).toBeLessThanOrEqual(budget + ONE_BY_ONE);
    },
    300_000,
  );
});

/**
 * Ends the engine's pauses as soon as no call is in progress. The engine pauses for runs that end at about the same
 * time, so that their marks become one write. How many runs share a mark must not depend on the speed of this machine.
 */
class OpenCalls {
  readonly store: Store;
  #open = 0;

  constructor(store: Store) {
    this.store = {
      get: (...given) => this.#during(store.get(...given)),
      getMany: (...given) => this.#during(store.getMany(...given)),
      query: (...given) => this.#during(store.query(...given)),
      queryIndex: (...given) => this.#during(store.queryIndex(...given)),
      write: (...given) => this.#during(store.write(...given)),
      writeMany: (...given) => this.#during(store.writeMany(...given)),
    };
  }
  async none(): Promise<void> {
    do await pause(1);
    while (this.#open > 0);
  }
  async #during<T>(call: Promise<T>): Promise<T> {
    this.#open++;
    try {
      return await call;
    } finally {
      this.#open--;
    }
  }
}

async function untilEnded(engine: Engine, queue: MemoryQueue, jobId: string): Promise<void> {
  for (;;) {
    const messages = await queue.receive(QUEUES, 8, 600);
    await Promise.all(
      messages.map(async (message) => {
        const disposition = await engine.handle(message, LOOP);
        if (disposition.kind === "done") await queue.ack([message.id]);
        else await queue.later(message.id, disposition.delaySeconds);
      }),
    );
    if (messages.length > 0) continue;
    const job = await engine.job(jobId);
    if (job?.endedAt !== undefined) return;
    await pause(50);
  }
}
