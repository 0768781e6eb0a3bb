import { describe, expect, it } from "vitest";
import { holderEnd, judge } from "../../../functions/embedded/workers/verdict.ts";
import { claimsOf } from "../../../functions/engine/execute/heartbeat.ts";
import { heldRuns } from "../../host/held-runs.ts";

const late = heldRuns("1", { deadline: 500 });
const early = heldRuns("2", { deadline: 2_000 });
const NOW = 1_000;

describe("the verdict on a stalled worker", () => {
  it("a run may compute until its deadline", () => {
    expect(judge([early], "job.2", NOW)).toBeUndefined();
  });
  it("the run that stalls past its own deadline has timed out", () => {
    expect(judge([late, early], "job.1", NOW)).toEqual({ why: "timeout", culprits: new Set(["job.1"]) });
  });
  it("a run that makes another one late is ended for its sake, and has not timed out", () => {
    expect(judge([late, early], "job.2", NOW)).toEqual({ why: "blocked", culprits: new Set(["job.2"]) });
  });
  it("without a known culprit the late runs are to blame", () => {
    expect(judge([late, early], "", NOW)).toEqual({ why: "timeout", culprits: new Set(["job.1"]) });
  });
  it("a worker that dies by itself was killed by the run that stalled it, if one did", () => {
    const claims = [late, early].flatMap(claimsOf);
    expect(holderEnd(claims, undefined, "job.2")).toMatchObject({ why: "died", culprits: [{ runId: "job.2" }] });
    expect(holderEnd(claims, undefined, undefined)).toEqual({ why: "died", claims });
  });
});
