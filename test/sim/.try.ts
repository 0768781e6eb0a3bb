import { Simulation } from "/work/main/test/sim/simulation.ts";
process.on("unhandledRejection", (e) => console.log("UNHANDLED", e));
const [from, n, trace] = process.argv.slice(2).map(Number);
const kinds = new Map<string, number[]>();
const t = performance.now(); let steps=0; const st=new Map<string,number>();
for (let s = from!; s < from! + n!; s++) {
  const lines: string[] = [];
  const sim = new Simulation(s, trace ? { trace: (l) => console.log(l) } : {});
  try { await sim.run(); } catch (e) { console.log(s, "CRASH", e); }
  steps += sim.scheduler.steps;
  for (const [k,c] of sim.scheduler.stats) st.set(k,(st.get(k)??0)+c); const v = sim.violations[0];
  if (v) { kinds.set(v.kind, [...(kinds.get(v.kind) ?? []), s]); if ((kinds.get(v.kind)?.length ?? 0) <= 2) console.log(s, v.kind, v.detail.slice(0, 400)); }
}
console.log([...kinds].map(([k, v]) => `${k}: ${v.length} (${v.slice(0, 6)})`).join("\n"), (performance.now() - t).toFixed(0), "ms", steps/n!, "steps/run", Object.fromEntries(st));
