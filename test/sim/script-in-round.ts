import type { Script } from "./script.ts";

/** Returns how a script behaves in a round. */
export function behaviourIn({ behaviour, heals }: Script, round: number): Script["behaviour"] {
  const fails = behaviour === "always" || behaviour === "fatal" || behaviour === "broken";
  return fails && heals !== undefined && round >= heals ? "succeed" : behaviour;
}
/** Returns how the execution of a script ends in a round. */
export function executionIn({ execution, heals }: Script, round: number): Script["execution"] {
  return execution === "fails" && heals !== undefined && round >= heals ? "succeeds" : execution;
}
