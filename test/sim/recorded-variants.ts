/**
 * For each variant the first seed from 1 on that catches it, the number of runs, and the violation. `npm run sim --
 * --variant all --seed 1` records them.
 */
export const RECORDED: readonly {
  readonly variant: string;
  readonly firstSeed: number;
  readonly runs: number;
  readonly shows: string;
}[] = [
  { variant: "no-sweeper-with-message-loss", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "unguarded-add", firstSeed: 2, runs: 2, shows: "counters-wrong" },
  { variant: "part-marked-unguarded", firstSeed: 7, runs: 7, shows: "vouched-again" },
  { variant: "part-not-named", firstSeed: 7, runs: 7, shows: "marked-without-end" },
  { variant: "lost-part", firstSeed: 7, runs: 7, shows: "part-lost" },
  { variant: "plain-counter", firstSeed: 1, runs: 1, shows: "decided-before-member-finished" },
  { variant: "header-upsert", firstSeed: 108, runs: 108, shows: "collected-header-recreated" },
  { variant: "no-fencing", firstSeed: 38, runs: 38, shows: "ended-by-another" },
  { variant: "no-attempt-fence", firstSeed: 33, runs: 33, shows: "ended-by-another" },
  { variant: "claims-as-one", firstSeed: 17, runs: 17, shows: "one-lease-two-runs" },
  { variant: "commits-as-one", firstSeed: 339, runs: 339, shows: "marked-without-end" },
  { variant: "no-skew-margin", firstSeed: 288, runs: 288, shows: "two-live-leases" },
  { variant: "instance-id-lease-owner", firstSeed: 2, runs: 2, shows: "one-lease-two-runs" },
  { variant: "claim-without-condition", firstSeed: 3, runs: 3, shows: "terminal-row-changed" },
  { variant: "settle-without-condition", firstSeed: 2, runs: 2, shows: "committed-twice" },
  { variant: "decide-without-condition", firstSeed: 11, runs: 11, shows: "decided-twice" },
  { variant: "next-step-overwritten", firstSeed: 2, runs: 2, shows: "terminal-row-changed" },
  { variant: "first-step-overwritten", firstSeed: 2, runs: 2, shows: "attempt-not-raised" },
  { variant: "result-overwritten", firstSeed: 4, runs: 4, shows: "committed-twice" },
  { variant: "header-overwritten", firstSeed: 2, runs: 2, shows: "decided-twice" },
  { variant: "page-without-cursor", firstSeed: 30, runs: 30, shows: "run-without-claim" },
  { variant: "lost-blob", firstSeed: 1, runs: 1, shows: "engine-threw" },
  { variant: "ack-before-handling", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "ack-on-later", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "ack-on-error", firstSeed: 9, runs: 9, shows: "stuck-group" },
  { variant: "ack-on-lost-lease", firstSeed: 117, runs: 117, shows: "stuck-group" },
  { variant: "ack-on-spare-slot", firstSeed: 86, runs: 86, shows: "stuck-group" },
  { variant: "no-replay-on-redelivery", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "lost-outbox", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "range-message-lost", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "settle-handed-over-into-nothing", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "smaller-message-lost", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "unsealed-root", firstSeed: 13, runs: 13, shows: "decided-unsealed" },
  { variant: "stale-header-reads", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "stale-row-reads", firstSeed: 2, runs: 2, shows: "arguments-changed" },
  { variant: "hidden-item-on-failed-condition", firstSeed: 1, runs: 1, shows: "never-quiet" },
  { variant: "decided-ancestor-that-is-not", firstSeed: 2, runs: 2, shows: "dropped-without-reason" },
  { variant: "cached-gate-says-drop", firstSeed: 2, runs: 2, shows: "dropped-without-reason" },
  { variant: "mark-without-callbacks", firstSeed: 2, runs: 2, shows: "dropped-without-reason" },
  { variant: "revocation-unseen", firstSeed: 93, runs: 93, shows: "revoked-run-started" },
  { variant: "stamp-revocation-unseen", firstSeed: 22, runs: 22, shows: "revoked-stamp-started" },
  { variant: "event-not-kept", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "deferred-without-second-look", firstSeed: 269, runs: 269, shows: "stuck-group" },
  { variant: "deferred-unsubscribed", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "deferred-unswept", firstSeed: 6, runs: 6, shows: "livelock" },
  { variant: "woken-unsent", firstSeed: 19, runs: 19, shows: "stuck-group" },
  { variant: "event-deadline-forgotten", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "deferred-without-end", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "unflagged-snapshot", firstSeed: 49, runs: 49, shows: "snapshot-not-flagged" },
  { variant: "execution-not-asked-after", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "execution-not-stopped", firstSeed: 249, runs: 249, shows: "execution-left-running" },
  { variant: "execution-without-a-name", firstSeed: 2, runs: 2, shows: "executed-twice" },
  { variant: "write-reported-before-applied", firstSeed: 8, runs: 8, shows: "committed-twice" },
  { variant: "failure-not-listed", firstSeed: 2, runs: 2, shows: "failure-unlisted" },
  { variant: "dead-letter-not-kept", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "redrive-removes-first", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "given-up-acknowledged-first", firstSeed: 101, runs: 101, shows: "stuck-group" },
  { variant: "crashes-without-first-sweep", firstSeed: 1, runs: 1, shows: "stuck-group" },
];

/** Variants that remove nothing, so no seed may catch them. */
export const SOUND: readonly string[] = ["no-sweeper", "crashes"];
