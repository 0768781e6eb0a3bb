import { expect, it } from "vitest";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";
import { onlyMessage } from "../scripted-faults.ts";

it("S035 a run whose task no worker knows has its time of grace from when a worker first says so, however long it had waited in its queue", async () => {
  const config = { unknownTaskGraceSeconds: 60 };
  const local = new LocalEngine([add], config);
  const { jobId } = await local.engine.submit({ canvas: add.s(1, 1).canvas });
  const earlierRelease = new LocalEngine([noop], config).over(local);
  local.clock.advance(7_200_000);
  const message = await onlyMessage(local);
  expect(await earlierRelease.handle(message, LocalEngine.loop)).toMatchObject({ kind: "later" });
  expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "queued" });
  local.clock.advance(61_000);
  expect(await earlierRelease.handle({ ...message, receives: 2 }, LocalEngine.loop)).toMatchObject({ kind: "done" });
  expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "broken", error: { reason: "unknown_task" } });
});
