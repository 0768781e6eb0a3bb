import { FanfoldError } from "../../core/errors.ts";
import type { PassHook } from "../../core/task/bulk.ts";
import type { TaskInfo } from "../../core/task/invocation.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import { LazySignal } from "../../core/task/stop-signal.ts";
import { parsePool, poolOf } from "../admission/bulk-pool.ts";
import type { Context } from "../context.ts";
import {
  endPassItem,
  joinPass,
  leaveHook,
  leavePass,
  type Pass,
  queryPasses,
  readPass,
  takeHook,
} from "../items/pass-items.ts";
import { sendPass } from "../messages/send.ts";
import type { EndPass } from "../messages/wire.ts";
import type { Disposition } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { ExecuteContext } from "./execute-context.ts";

/** Longest time of a hook, in milliseconds. */
const HOOK_MS = 60_000;
/** Seconds until a call looks again whether `beforePass` or `afterPass` of another process has ended. */
const LOOK_AGAIN_SECONDS = 1;

interface Calling {
  readonly context: ExecuteContext;
  readonly loop: WorkerLoop;
  readonly info: TaskInfo | undefined;
  readonly task: string;
  readonly queue: string;
}
/**
 * Makes a call within a pass: after `beforePass` has ended, and before `afterPass` begins. Returns the seconds after
 * which to try again when it cannot be made now. Each delivery of a message joins by itself, since two may be handled at
 * once. One whose process has died is waited for until its time is over.
 *
 *     join -> beforePass (the first one) -> call -> leave -> (idle for a while) -> afterPass
 */
export async function inPass(calling: Calling, work: () => Promise<void>): Promise<number | undefined> {
  const { context, info, task, queue } = calling;
  if (!info?.bulk?.passes) {
    await work();
    return undefined;
  }
  const until = context.clock.now() + info.timeoutSeconds * 1_000 + HOOK_MS;
  const call = context.ids.token();
  const pass = await joinPass(context, poolOf(queue, task).name, call, until);
  if (!pass) return LOOK_AGAIN_SECONDS;
  try {
    if (!pass.begun && !(await begin(calling, pass))) return LOOK_AGAIN_SECONDS;
    await work();
    return undefined;
  } finally {
    const left = await leavePass(context, pass, call);
    if (left) await sendPass(context, { queue, task, pass: left.pass }, context.config.passIdleMs / 1_000);
  }
}
/** Runs `beforePass`. Returns false while another process does. */
async function begin({ context, loop, task, queue }: Calling, pass: Pass): Promise<boolean> {
  const token = await takeHook(context, pass, "beforePass", context.clock.now() + HOOK_MS);
  if (token === undefined) return false;
  try {
    await callHook(context, loop, { task, queue }, "beforePass");
  } catch (error) {
    await leaveHook(context, pass, token, false);
    throw error;
  }
  return leaveHook(context, pass, token, true);
}

/** Ends a pass once no call has joined or left it for a while. */
export async function endPass(
  context: ExecuteContext,
  { task, pass: name }: EndPass,
  queue: string,
  loop: WorkerLoop,
): Promise<Disposition> {
  const pass = await readPass(context, poolOf(queue, task).name);
  const now = context.clock.now();
  // The call that leaves last asks for the end again.
  if (!pass || pass.pass !== name || isBusy(pass, now)) return { kind: "done" };
  const idleAt = pass.lastAt + context.config.passIdleMs;
  if (idleAt > now) return { kind: "later", delaySeconds: Math.max(1, Math.ceil((idleAt - now) / 1_000)) };
  // What a process that has died in `beforePass` has begun is ended like a whole one.
  if (!pass.begun && pass.hook === undefined) {
    await endPassItem(context, pass);
    return { kind: "done" };
  }
  const token = await takeHook(context, pass, "afterPass", now + HOOK_MS);
  if (token === undefined) return { kind: "later", delaySeconds: LOOK_AGAIN_SECONDS };
  try {
    await callHook(context, loop, { task, queue }, "afterPass");
  } catch (error) {
    // Calls may go on in this pass, and its end stays owed.
    await leaveHook(context, pass, token, false);
    throw error;
  }
  await endPassItem(context, pass, token);
  return { kind: "done" };
}
const isBusy = ({ calls, until }: Pass, now: number): boolean => (calls?.size ?? 0) > 0 && until > now;

/** Calls a hook in a slot. Its code is stopped after a while, as that of an attempt is. */
async function callHook(
  context: ExecuteContext,
  loop: WorkerLoop,
  { task, queue }: { readonly task: string; readonly queue: string },
  hook: PassHook,
): Promise<void> {
  const slot = await loop.takeSlot(false, task);
  const signal = new LazySignal();
  const deadline = context.clock.now() + HOOK_MS;
  const { site } = parseQueueName(queue, { site: context.config.site });
  let ended = false;
  try {
    const running = context.runner.runHook(task, hook, { site, queue, deadline, signal });
    void stopAt(context, deadline, () => ended).then((late) => {
      if (late) signal.abort(new FanfoldError("task_timeout", `${hook} of ${task} ran longer than ${HOOK_MS} ms`));
    });
    await running;
  } finally {
    ended = true;
    slot.release();
  }
}
/** Resolves with true at the deadline, or with false soon after the end. No long pause outlives the hook. */
async function stopAt({ clock }: Context, deadline: number, hasEnded: () => boolean): Promise<boolean> {
  while (!hasEnded() && clock.now() < deadline) await clock.pause(Math.min(CHECK_MS, deadline - clock.now()));
  return !hasEnded();
}
const CHECK_MS = 500;

/** Asks for the end of passes that are idle, once in each sweep: the message of their last call may be lost. */
export async function sweepPasses(context: Context): Promise<void> {
  const now = context.clock.now();
  for (const pass of await queryPasses(context)) {
    const pool = parsePool(pass.pool);
    if (pool && !isBusy(pass, now) && pass.lastAt + 2 * context.config.passIdleMs < now)
      await sendPass(context, { ...pool, pass: pass.pass }, 0);
  }
}
