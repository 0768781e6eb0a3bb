import type { JsonObject } from "../../functions/core/json.ts";

/** Stamps that half of the tasks carry, chosen by the task's number. */
export const TEAMS = ["blue", "red"] as const;
export function stampsOf(label: string): JsonObject | undefined {
  const number = Number(label.slice(1));
  if (number % 7 === 0) return { team: ["red", "blue"] };
  if (number % 3 === 0) return { team: "blue" };
  return number % 5 === 0 ? { team: "red" } : undefined;
}
