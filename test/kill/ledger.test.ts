import { describe, expect, it } from "vitest";
import type { RunView } from "../../functions/engine/contract.ts";
import { Ledger } from "./ledger.ts";

const ROW: RunView = {
  runId: "",
  jobId: "j",
  groupId: "j",
  index: 0,
  step: 0,
  task: "inventory.digest",
  status: "success",
  round: 0,
  attempt: 1,
  endedAt: 5,
};
const row = (runId: string, over: Partial<RunView> = {}): RunView => ({ ...ROW, runId, ...over });

// A kill test must find problems in a broken engine, or it proves nothing.
describe("the ledger of the kill test", () => {
  it("the ledger accepts a run that began again before it was recorded", () => {
    const ledger = new Ledger();
    ledger.afterLife([row("a", { status: "started" })], ["a 1"]);
    ledger.afterLife([row("a", { attempt: 2 })], ["a 1", "a 2"]);
    expect(ledger.problems).toEqual([]);
    expect(ledger.recorded("inventory.digest")).toBe(1);
  });
  it.each([
    ["a recorded run that begins again", [row("a")], ["a 1", "a 2"], "a was recorded as ended and began again"],
    ["a recorded run that is gone", [], ["a 1"], "a was recorded as ended and is gone"],
    [
      "a recorded run that is under way",
      [row("a", { status: "started" })],
      ["a 1"],
      "a was recorded as ended and is started",
    ],
    ["a row that ends once more", [row("a", { attempt: 2 })], ["a 1"], "a ended twice"],
    ["a row that is not ended any more and ends again", [row("a", { endedAt: 6 })], ["a 1"], "a ended twice"],
    ["a run that is there twice", [row("a"), row("a")], ["a 1"], "a is listed twice"],
  ])("the ledger finds %s", (_name, runs, trace, problem) => {
    const ledger = new Ledger();
    ledger.afterLife([row("a")], ["a 1"]);
    ledger.afterLife(runs, trace);
    expect(ledger.problems.join()).toContain(problem);
  });
  it("the ledger finds a report that did not end exactly once", () => {
    const problems = new Ledger().problemsAtEnd(
      {
        job: undefined,
        runs: [row("r", { task: "inventory.report" }), row("s", { task: "inventory.report" })],
        states: [],
      },
      0,
    );
    expect(problems).toContain("reports: 2 instead of 1");
    expect(problems).toContain("ends of the job among its events: 0 instead of 1");
  });
});
