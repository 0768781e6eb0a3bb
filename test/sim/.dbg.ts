import { Simulation } from "./simulation.ts";
const [seed, run] = process.argv.slice(2);
const sim = new Simulation(Number(seed)); await sim.run();
console.log(sim.violations);
const id = sim.jobs[0]!.jobId + run!;
console.log(sim.journal.argumentsOf(id));
const parts = id.replace(/~\d+$/, "");
const g = sim.jobs.map(j=>j.jobId);
for (const item of sim.world.store.items()) if (item.key.partition.startsWith("G#" + parts.slice(0, parts.lastIndexOf(".")))) console.log(item.key.partition.replace(g[0]!, "J"), item.key.sort, JSON.stringify(item.attributes, (k, v) => (["v", "jobId", "ttl","policy","tracking","plan"].includes(k) ? undefined : v)).replaceAll(g[0]!, "J"));
