import { describe, expect, it } from "vitest";
import { runBatch } from "../sim/campaign.ts";

/**
 * Errors of the engine that the simulation found, each with the first seed that showed it (`npm run sim -- --trace SEED`). Where `variant` is given the
 * error needed runs without a sweeper to show: the sweeper repaired it.
 */
interface Regression {
  readonly name: string;
  readonly seed: number;
  readonly variant?: "no-sweeper";
  /** What was wrong, and what holds now. */
  readonly was: string;
}
const REGRESSIONS: readonly Regression[] = [
  { name: "a plan page is read consistently", seed: 1, was: "a page read a moment after it was written was missing, and its run failed for good" },
  {
    name: "a settle is computed from a row that waits",
    seed: 3618,
    was: "the owner was read while it still ran; it waited by the time of the write and lost its own counts and value",
  },
  { name: "a group's members are given the value before the group", seed: 10, was: "the first step of a member got its own arguments only" },
  { name: "a handle counts the members of an open group, not its pages", seed: 2, was: "total was the number of pages" },
  { name: "an owner stops streaming into a group that has decided", seed: 580, was: "it waited for a page that never ends, and yielded for ever" },
  {
    name: "the last page of an earlier attempt is sent again",
    seed: 95,
    variant: "no-sweeper",
    was: "its writer died between the write and the send; whoever adopted the page did not send it",
  },
  {
    name: "a repeated seal follows a decision that nobody followed",
    seed: 17,
    variant: "no-sweeper",
    was: "the seal decided and died; the next one saw the outcome and went home",
  },
  {
    name: "a repeated cancel sends its message again",
    seed: 3129,
    variant: "no-sweeper",
    was: "the first call died before its message; the second said that the job was over",
  },
  { name: "back-pressure is not a timeout", seed: 368, was: "an owner that was not allowed to pull failed because its generator yielded nothing" },
  {
    name: "the last page takes everything that is left",
    seed: 3025,
    was: "the timer of the page before cut it, and the ledger had no room for the page after",
  },
  {
    name: "a decision over the threshold is followed again",
    seed: 3001793,
    variant: "no-sweeper",
    was: "who decided died before the settle; redelivered members saw the outcome and stopped",
  },
  { name: "a generator that was not asked was not slow", seed: 42163, was: "an owner that froze before its first pull failed as timed out, three times over" },
  {
    name: "a branch asks about what it was given",
    seed: 25887,
    was: "a branch behind the first step of an error link asked about the error of a step that had ended well",
  },
  {
    name: "a revoked row that nobody has looked at is looked at",
    seed: 294,
    variant: "no-sweeper",
    was: "the first delivery of a revoked member expected no row; it met one that had been given back, and was acknowledged",
  },
  {
    name: "a repeated walk of a revocation follows what the one before ended",
    seed: 3410,
    variant: "no-sweeper",
    was: "a worker ended a run by its stamp and died; the next one saw that it had ended and passed on",
  },
];

describe("errors that the simulation found", () => {
  it.each(REGRESSIONS)("$name", async ({ seed, variant }) => {
    const tally = await runBatch({ from: seed, runs: 1, ...(variant && { variant }) });
    expect(tally.caught).toEqual([]);
  });
});
