import type { FlowChoices } from "./limit-workload.ts";
import { seededRandom } from "./random.ts";
import type { SharedWork } from "./shared-work.ts";
import type { SimWorld } from "./sim-ports.ts";

/** Returns what a workload takes beside its own choices. */
export function choicesOf(
  seed: number,
  { shared, faults: { limits, backlog, bulk } }: Pick<SimWorld, "shared" | "faults">,
): FlowChoices & { readonly shared: SharedWork } {
  return {
    shared,
    ...(limits && { limits: seededRandom(seed) }),
    ...(bulk && { bulk: seededRandom(seed + 17_000_003) }),
    ...(backlog && { priorities: seededRandom(seed + 13_000_001) }),
  };
}
