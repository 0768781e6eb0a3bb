import { chain, chord, defineTask, defineWorkflow, group } from "fanfold";
import * as z from "zod";

export const add = defineTask({ name: "add", run: (_ctx, x: number, y: number) => x + y });
export const length = defineTask({ name: "length", run: (_ctx, text: string) => text.length });
export const label = defineTask({ name: "label", run: (_ctx, n: number, prefix: string) => `${prefix}${n}` });
export const sum = defineTask({ name: "sum", run: (_ctx, xs: number[]) => xs.length });
export const stamp = defineTask({ name: "stamp", run: (_ctx, text: string) => ({ text, at: new Date() }) });
export const greet = defineTask({
  name: "greet",
  kwargs: z.object({ polite: z.boolean().default(true), times: z.int().default(1) }),
  run: (ctx, name: string) => (ctx.kwargs.polite ? `Dear ${name}` : name),
});
export const squares = defineWorkflow({
  name: "squares",
  parameters: z.object({ n: z.int(), offset: z.int().default(0) }),
  canvas: ({ n, offset }) => chord(group(Array.from({ length: n }, (_, k) => add.s(k, offset))), sum.s()),
});
export const nightly = defineWorkflow({
  name: "nightly",
  parameters: z.object({ dry: z.boolean().default(false) }),
  canvas: () => chain(add.s(1, 2), label.s("night ")),
});
