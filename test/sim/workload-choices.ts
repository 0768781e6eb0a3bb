import type { Faults } from "./faults.ts";
import type { FlowChoices } from "./limit-workload.ts";
import { seededRandom } from "./random.ts";
import { SharedWork } from "./shared-work.ts";

/** Returns what a workload shares between jobs, and its choices. */
export function choicesOf(
  seed: number,
  sweeps: boolean,
  { limits, backlog }: Faults,
): FlowChoices & { readonly shared: SharedWork } {
  return {
    shared: new SharedWork(seed, sweeps),
    ...(limits && { limits: seededRandom(seed) }),
    ...(backlog && { priorities: seededRandom(seed + 13_000_001) }),
  };
}
