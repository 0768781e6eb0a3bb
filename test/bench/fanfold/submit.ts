import type { Case } from "../case.ts";
import { percentile, round } from "../statistics.ts";
import { DURABILITY, perChild, withEngine } from "./engine.ts";
import { sendLoad } from "./http-load.ts";

const CONNECTIONS = 32;

/**
 * Measures `n` jobs of one task each through `POST /jobs`, sent by another process over several connections. `seconds`
 * ends when the last one is accepted. The jobs run meanwhile.
 */
export const run: Case = (context) =>
  withEngine(context, async (engine) => {
    const { n } = context;
    const server = await engine.serve();
    await sendLoad({ ...server, jobs: 200, atOnce: CONNECTIONS, everyMs: 0 });
    const before = await engine.counts();
    const {
      value,
      cpuSeconds,
      rssMb,
      seconds: allSeconds,
    } = await context.measure(async () => {
      const sent = await sendLoad({ ...server, jobs: n, atOnce: CONNECTIONS, everyMs: 0 });
      for (const { jobId } of sent) await engine.ended(jobId);
      return sent;
    });
    const after = await engine.counts();
    const seconds =
      (Math.max(...value.map(({ answeredAt }) => answeredAt)) - Math.min(...value.map(({ sentAt }) => sentAt))) / 1_000;
    const times = value.map(({ sentAt, answeredAt }) => answeredAt - sentAt);
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
      p50Ms: round(percentile(times, 0.5)),
      p99Ms: round(percentile(times, 0.99)),
      connections: CONNECTIONS,
      endedSeconds: round(allSeconds),
      durability: DURABILITY,
    });
  });
