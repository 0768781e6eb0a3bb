import type { Faults } from "./faults.ts";
import type { FlowChoices } from "./limit-workload.ts";
import { seededRandom } from "./random.ts";

export function choicesOf(seed: number, { limits, backlog }: Faults): FlowChoices {
  return {
    ...(limits && { limits: seededRandom(seed) }),
    ...(backlog && { priorities: seededRandom(seed + 13_000_001) }),
  };
}
