import { chain } from "../../../functions/sdk/index.ts";
import type { CanvasSource } from "../../../functions/sdk/canvas-builder.ts";
import type { Case } from "../case.ts";
import { round } from "../statistics.ts";
import { DURABILITY, perChild, withEngine } from "./engine.ts";
import { increment } from "./tasks.ts";

/** Measures one chain of `n` steps, each of which adds one to its argument. */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n } = context;
    const before = await engine.counts();
    const measured = await context.measure(async () => {
      const steps: readonly CanvasSource[] = [increment.s(0), ...Array.from({ length: n - 1 }, () => increment.s())];
      return engine.ended(
        await engine.submit((chain as (...items: readonly CanvasSource[]) => CanvasSource)(...steps)),
      );
    });
    const after = await engine.counts();
    if (measured.value.value !== n) throw new Error(`the chain gave ${JSON.stringify(measured.value.value)}, not ${n}`);
    const { seconds, cpuSeconds, rssMb } = measured;
    context.emit({
      bench: context.bench,
      engine: "fanfold",
      level: "default",
      n,
      seconds: round(seconds),
      perSecond: round(n / seconds),
      cpuSeconds: round(cpuSeconds),
      rssMb: round(rssMb),
      ...perChild(before, after, n),
      millisecondsPerStep: round((seconds * 1_000) / n),
      durability: DURABILITY,
    });
  });
