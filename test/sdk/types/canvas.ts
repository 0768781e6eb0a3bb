import { approval, chain, chord, defineTask, defineWorkflow, group, waitForEvent } from "fanfold";
import { createClient } from "fanfold/client";
import * as z from "zod";
import { add, greet, label, length, sum } from "./tasks.ts";

const client = createClient({ url: "http://127.0.0.1:7420" });

export function rightUses(): void {
  const published: boolean[] = [];
  chain(approval("publish-report"), defineTask({ name: "p", run: (_ctx, yes: boolean) => published.push(yes) }).s());
  chain(waitForEvent("paid"), defineTask({ name: "q", run: (_ctx, { amount }: { amount: number }) => amount }).s());
  void client.sendEvent("01J", "paid", { amount: 3 });
  greet.signature(["Ada"], { polite: false }, { queue: "oslo.bulk" });
  defineTask({ name: "w", run: async (ctx) => (await ctx.waitForEvent("paid")).amount });
}

export const wrongUses = [
  // refused: 'polit' does not exist in type
  () => greet.signature(["Ada"], { polit: false }),

  // refused: Type 'string' is not assignable to type 'boolean | undefined'
  () => greet.signature(["Ada"], { polite: "yes" }),

  // refused: Type '"bulck"' is not assignable to type
  () => add.s(1, 2).set({ queue: "bulck" }),

  // refused: Type '"oslo.high"' is not assignable to type
  () => defineTask({ name: "x", queue: "oslo.high", run: () => 1 }),

  // refused: '"payed"' is not assignable to parameter of type
  () => waitForEvent("payed"),

  // refused: '"payed"' is not assignable to parameter of type
  () => client.sendEvent("01J", "payed", { amount: 1 }),

  // refused: Type 'string' is not assignable to type 'number'
  () => client.sendEvent("01J", "paid", { amount: "1" }),

  // refused: '"publish"' is not assignable to parameter of type
  () => approval("publish"),

  // refused: '"payed"' is not assignable to parameter of type
  () => defineTask({ name: "y", run: (ctx) => ctx.waitForEvent("payed") }),

  // refused: this step does not take what the one before gives; .si(..) takes nothing
  () => chain(approval("publish-report"), length.s()),

  // refused: this step does not take what the one before gives; .si(..) takes nothing
  () => chain(add.s(1, 2), length.s()),

  // refused: this step does not take what the one before gives; .si(..) takes nothing
  () => chord([label.s(1, "a")], sum.s()),

  // refused: arguments are missing
  () => defineWorkflow({ name: "w", parameters: z.object({ n: z.int() }), canvas: ({ n }) => add.s(n) }),

  // refused: Property 'm' does not exist on type
  () => defineWorkflow({ name: "w", parameters: z.object({ n: z.int() }), canvas: ({ m }) => add.s(m, 1) }),

  // refused: 'polic' does not exist in type
  () => group([add.s(1, 2)], { polic: "settled" }),

  // refused: 'retries' does not exist in type
  () => defineTask({ name: "z", retries: 3, run: () => 1 }),
];
