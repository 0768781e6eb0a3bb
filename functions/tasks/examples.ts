import * as z from "zod";
import { chord, defineTask, defineWorkflow, group, TaskError } from "../sdk/index.ts";

/** Example tasks. Their names are stable, because guides, tests and benchmarks use them. */
export const add = defineTask({
  name: "math.add",
  args: z.tuple([z.number(), z.number()]),
  run: (_ctx, x, y) => x + y,
});
export const mul = defineTask({
  name: "math.mul",
  args: z.tuple([z.number(), z.number()]),
  run: (_ctx, x, y) => x * y,
});
export const sum = defineTask({
  name: "math.sum",
  args: z.tuple([z.array(z.number())]),
  run: (_ctx, xs) => xs.reduce((total, x) => total + x, 0),
});

/** Takes any arguments and returns null. */
export const noop = defineTask({ name: "noop", run: (_ctx, ..._args: unknown[]) => null });

/** Waits for this many seconds and returns their number. Ends at once when it is cancelled. */
export const sleep = defineTask({
  name: "sleep",
  args: z.tuple([z.number().min(0).max(900)]),
  run: (ctx, seconds) =>
    new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => end(() => resolve(seconds)), seconds * 1000);
      const onAbort = () => end(() => reject(ctx.signal.reason));
      const end = (resolvePromise: () => void) => {
        clearTimeout(timer);
        ctx.signal.removeEventListener("abort", onAbort);
        resolvePromise();
      };
      ctx.signal.addEventListener("abort", onAbort, { once: true });
    }),
});

/** Defers its run until its job is sent an event of this name, and returns the value of the event. */
export const waitFor = defineTask({
  name: "wait-for",
  args: z.tuple([z.string()]),
  run: (ctx, event) => ctx.waitForEvent(event),
});

/** Always fails. With `kwargs.retryable: false` it is not retried. */
export const fail = defineTask({
  name: "fail",
  kwargs: z.object({ message: z.string().default("this task always fails"), retryable: z.boolean().optional() }),
  run: (ctx, ..._args: unknown[]): never => {
    const { message, retryable } = ctx.kwargs;
    throw new TaskError(message, { reason: "example", ...(retryable !== undefined && { retryable }) });
  },
});

/** Sums i + i for all i below n: a group of n additions, and one sum over their results. */
export const sumOfSums = defineWorkflow({
  name: "example.sum-of-sums",
  description: "Adds i + i for every i below n side by side, then sums the results.",
  parameters: z.object({ n: z.int().min(0).max(100_000).default(10).describe("How many additions run side by side") }),
  canvas: ({ n }) => chord(group(Array.from({ length: n }, (_, i) => add.s(i, i))), sum.s()),
});
