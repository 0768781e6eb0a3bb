import { type CanvasBuilder, defineTask, type LimitSettings, type TaskContext } from "../../../functions/sdk/index.ts";
import type { TaskSettings } from "../../../functions/sdk/task-settings.ts";
import { LocalEngine } from "../local-engine.ts";
import { settled } from "../scripted-faults.ts";

/** What code of the runs did, and what keeps it running. */
export class Floor {
  readonly started: string[] = [];
  readonly attempts: number[] = [];
  readonly running = new Map<string, (value?: unknown) => void>();
  most = 0;

  readonly work = (ctx: TaskContext, name: string): Promise<unknown> => {
    this.started.push(name);
    this.attempts.push(ctx.attempt);
    return new Promise((resolve, reject) => {
      this.running.set(name, (value = name) => (value instanceof Error ? reject(value) : resolve(value)));
      this.most = Math.max(this.most, this.running.size);
      ctx.signal.addEventListener("abort", () => this.running.delete(name));
    });
  };
  end(name: string, value?: unknown): void {
    const end = this.running.get(name);
    this.running.delete(name);
    if (!end) throw new Error(`${name} does not run`);
    end(value);
  }
}
export function limited(limits: LimitSettings, more: Partial<TaskSettings> = {}, config = {}) {
  const floor = new Floor();
  const work = defineTask({ name: "work", ...limits, ...more, run: floor.work });
  const local = new LocalEngine([work, same], { headerCacheMs: 0, ...config });
  return { floor, work, local };
}
export const same = defineTask({ name: "same", run: (_ctx, ...values: unknown[]) => values });

export async function submit(local: LocalEngine, canvas: CanvasBuilder): Promise<string> {
  return (await local.engine.submit({ canvas: canvas.canvas })).jobId;
}
/** Handles what is due, without waiting for code that runs. */
export async function go(local: LocalEngine): Promise<void> {
  for (let turn = 0; turn < 12; turn++) {
    void local.turn();
    for (let k = 0; k < 6; k++) await settled();
  }
}
export async function passSeconds(local: LocalEngine, seconds: number): Promise<void> {
  local.clock.advance(seconds * 1_000);
  await go(local);
}
/** Ends what runs, one after the other, until nothing runs any more. */
export async function endAll(local: LocalEngine, floor: Floor): Promise<void> {
  for (let [name] = floor.running.keys(); name !== undefined; [name] = floor.running.keys()) {
    floor.end(name);
    await go(local);
  }
}
export const statuses = async (local: LocalEngine, jobId: string) =>
  (await local.engine.runs(jobId, {})).items.filter(({ task }) => task === "work").map(({ status }) => status);
