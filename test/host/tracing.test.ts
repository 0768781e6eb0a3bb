import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { afterEach, describe, expect, it } from "vitest";
import type { Json } from "../../functions/core/json.ts";
import { startFanfold } from "../../functions/embedded/index.ts";
import type { OutgoingMessage } from "../../functions/engine/ports.ts";
import { openTracing } from "../../functions/host/tracing.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { defineTask, group, TaskError } from "../../functions/sdk/index.ts";
import { MemoryQueue } from "../../functions/testing/ports/memory-queue.ts";
import { FakeClock } from "../../functions/testing/ports/fake-clock.ts";
import { TestDeployment } from "../handlers/deployment.ts";
import { registerTracing, unregisterTracing } from "./traced.ts";

const child = defineTask({ name: "child", run: (_ctx, n: number) => n });
const parent = defineTask({
  name: "parent",
  run: (ctx) => {
    ctx.spawn([child.s(1), child.s(2)]);
  },
});
const streaming = defineTask({
  name: "streaming",
  run: async function* () {
    yield child.s(3);
  },
});
const fails = defineTask({
  name: "fails",
  run: () => {
    throw new TaskError("no", { reason: "refused" });
  },
});
const tasks = { child, parent, streaming, fails };

const folders: string[] = [];
afterEach(() => {
  unregisterTracing();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
async function onOneMachine<T>(use: (fanfold: Awaited<ReturnType<typeof startFanfold>>) => Promise<T>): Promise<T> {
  const data = mkdtempSync(join(tmpdir(), "fanfold-traced-"));
  folders.push(data);
  const fanfold = await startFanfold({ tasks, data });
  try {
    return await use(fanfold);
  } finally {
    await fanfold.stop();
  }
}

describe("traces", { timeout: 60_000 }, () => {
  it("lead on one machine from the caller over the submit and the messages to each attempt and its children", async () => {
    const spans = registerTracing();
    await onOneMachine((fanfold) =>
      trace.getTracer("caller").startActiveSpan("request", async (span) => {
        const value = await fanfold.run(parent.s());
        span.end();
        return value;
      }),
    );
    const children = spans.named("run child");
    expect(children).toHaveLength(2);
    for (const each of children) {
      const path = spans.pathOf(each);
      expect(path.slice(-4)).toEqual(["run parent", "message members", "fanfold submit", "request"]);
      expect(each.attributes).toMatchObject({
        "fanfold.task": "child",
        "fanfold.attempt": 1,
        "fanfold.outcome": "success",
      });
      expect(each.attributes["fanfold.parent.run.id"]).toBe(spans.named("run parent")[0]?.attributes["fanfold.run.id"]);
    }
    expect(
      new Set(spans.all.filter(({ name }) => name.startsWith("run")).map((each) => each.spanContext().traceId)).size,
    ).toBe(1);
  });
  it("lead on AWS from function to function", async () => {
    const spans = registerTracing();
    const deployment = new TestDeployment(tasks);
    const { engine } = await deployment.engine();
    await engine.submit({ canvas: canvasOf(group([parent.s(), streaming.s()])) });
    await deployment.untilQuiet();
    const children = spans.named("run child");
    expect(children).toHaveLength(3);
    for (const each of children) expect(spans.pathOf(each).at(-1)).toBe("fanfold submit");
    const above = children.map((each) => spans.pathOf(each)).flat();
    expect(above).toContain("run parent");
    expect(above).toContain("run streaming");
  });
  it("tell how an attempt failed", async () => {
    const spans = registerTracing();
    await onOneMachine((fanfold) => fanfold.run(fails.s()).catch(() => undefined));
    expect(spans.named("run fails")[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: "refused" },
      attributes: { "fanfold.outcome": "failed" },
    });
  });
  it("cost nothing without an SDK", async () => {
    const queue = new MemoryQueue(new FakeClock());
    expect((await openTracing()).queue(queue)).toBe(queue);
  });
  it("are carried by messages in at most 512 characters", async () => {
    registerTracing();
    const sent: OutgoingMessage[] = [];
    const queue = (await openTracing()).queue({
      maxDelaySeconds: 900,
      depth: async () => undefined,
      send: async (messages) => void sent.push(...messages),
    });
    const send = (body: Json) => queue.send([{ queue: "q", jobId: "j", body }]);
    await send({ kind: "settle", gid: "j" });
    await trace.getTracer("t").startActiveSpan("s", async (span) => {
      await send({ kind: "settle", gid: "j" });
      span.end();
    });
    expect(sent.map(({ body }) => Object.keys(body as object))).toEqual([
      ["kind", "gid"],
      ["kind", "gid", "trace"],
    ]);
    expect(JSON.stringify(sent[1]).length - JSON.stringify(sent[0]).length).toBeLessThan(100);
  });
});
