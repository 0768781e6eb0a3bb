import type { FlowChoices } from "./limit-workload.ts";
import { seededRandom } from "./random.ts";
import type { SharedWork } from "./shared-work.ts";
import type { SimWorld } from "./sim-ports.ts";

/** Returns what a workload takes beside its own choices. */
export function choicesOf(
  seed: number,
  { shared, faults: { limits, backlog, graphs, bulk } }: Pick<SimWorld, "shared" | "faults">,
): FlowChoices & { readonly shared: SharedWork } {
  // Of a random of their own, so that the other seeds stay as they are.
  const ofGraphs = seededRandom(seed + 29_000_003);
  const some = ofGraphs.chance(0.2);
  return {
    shared,
    ...((some || graphs) && { graphs: ofGraphs }),
    ...(limits && { limits: seededRandom(seed) }),
    ...(bulk && { bulk: seededRandom(seed + 17_000_003) }),
    ...(backlog && { priorities: seededRandom(seed + 13_000_001) }),
  };
}
