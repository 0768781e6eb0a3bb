/**
 * Actions on many jobs, as this tab has done them, so that they can be looked at afterwards. What happened to each job
 * is also in the job itself.
 */
export interface ActionRecord {
  readonly id: string;
  readonly at: number;
  /** What was done: `Retry`, `Cancel`, `Pause`, `Resume`. */
  readonly what: string;
  /** What it was done to, in words. */
  readonly about: string;
  readonly done: number;
  readonly left: number;
  readonly outcomes: readonly Outcome[];
}
export interface Outcome {
  readonly jobId: string;
  /** What was done, or why it was left. */
  readonly text: string;
  readonly ok: boolean;
}
const KEY = "fanfold-actions";
const KEPT = 50;
const KEPT_OUTCOMES = 500;

export function readActions(): readonly ActionRecord[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as ActionRecord[];
  } catch {
    return [];
  }
}
export function recordAction(action: Omit<ActionRecord, "id" | "at">): void {
  const record = {
    ...action,
    outcomes: action.outcomes.slice(0, KEPT_OUTCOMES),
    id: crypto.randomUUID(),
    at: Date.now(),
  };
  const kept = [record, ...readActions()].slice(0, KEPT);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    sessionStorage.setItem(KEY, JSON.stringify(kept.slice(0, 5)));
  }
}
