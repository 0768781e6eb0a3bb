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
  { variant: "unguarded-add", firstSeed: 1, runs: 1, shows: "counters-wrong" },
  { variant: "part-marked-unguarded", firstSeed: 2, runs: 2, shows: "vouched-again" },
  { variant: "part-not-named", firstSeed: 2, runs: 2, shows: "marked-without-end" },
  { variant: "lost-part", firstSeed: 2, runs: 2, shows: "part-lost" },
  { variant: "plain-counter", firstSeed: 1, runs: 1, shows: "decided-before-member-finished" },
  { variant: "header-upsert", firstSeed: 5, runs: 5, shows: "collected-header-recreated" },
  { variant: "no-fencing", firstSeed: 4, runs: 4, shows: "ended-by-another" },
  { variant: "no-attempt-fence", firstSeed: 4, runs: 4, shows: "ended-by-another" },
  { variant: "claims-as-one", firstSeed: 71, runs: 71, shows: "one-lease-two-runs" },
  { variant: "commits-as-one", firstSeed: 170, runs: 170, shows: "marked-without-end" },
  { variant: "no-skew-margin", firstSeed: 26, runs: 26, shows: "two-live-leases" },
  { variant: "instance-id-lease-owner", firstSeed: 2, runs: 2, shows: "one-lease-two-runs" },
  { variant: "claim-without-condition", firstSeed: 2, runs: 2, shows: "terminal-row-changed" },
  { variant: "settle-without-condition", firstSeed: 2, runs: 2, shows: "committed-twice" },
  { variant: "decide-without-condition", firstSeed: 3, runs: 3, shows: "decided-twice" },
  { variant: "next-step-overwritten", firstSeed: 2, runs: 2, shows: "one-lease-two-runs" },
  { variant: "first-step-overwritten", firstSeed: 1, runs: 1, shows: "terminal-row-changed" },
  { variant: "result-overwritten", firstSeed: 2, runs: 2, shows: "terminal-row-changed" },
  { variant: "header-overwritten", firstSeed: 1, runs: 1, shows: "decided-twice" },
  { variant: "page-without-cursor", firstSeed: 28, runs: 28, shows: "decided-before-member-finished" },
  { variant: "lost-blob", firstSeed: 1, runs: 1, shows: "client-threw" },
  { variant: "ack-before-handling", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "ack-on-later", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "ack-on-error", firstSeed: 5, runs: 5, shows: "stuck-group" },
  { variant: "ack-on-lost-lease", firstSeed: 227, runs: 227, shows: "never-quiet" },
  { variant: "ack-on-spare-slot", firstSeed: 11, runs: 11, shows: "stuck-group" },
  { variant: "no-replay-on-redelivery", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "lost-outbox", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "range-message-lost", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "settle-handed-over-into-nothing", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "smaller-message-lost", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "unsealed-root", firstSeed: 5, runs: 5, shows: "decided-unsealed" },
  { variant: "stale-header-reads", firstSeed: 2, runs: 2, shows: "arguments-changed" },
  { variant: "stale-row-reads", firstSeed: 1, runs: 1, shows: "arguments-changed" },
  { variant: "hidden-item-on-failed-condition", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "decided-ancestor-that-is-not", firstSeed: 1, runs: 1, shows: "dropped-without-reason" },
  { variant: "cached-gate-says-drop", firstSeed: 1, runs: 1, shows: "dropped-without-reason" },
  { variant: "unflagged-snapshot", firstSeed: 49, runs: 49, shows: "snapshot-not-flagged" },
  { variant: "mark-without-callbacks", firstSeed: 1, runs: 1, shows: "decided-before-callbacks" },
  { variant: "revocation-unseen", firstSeed: 210, runs: 210, shows: "revoked-run-started" },
  { variant: "stamp-revocation-unseen", firstSeed: 79, runs: 79, shows: "revoked-stamp-started" },
  { variant: "event-not-kept", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "deferred-without-second-look", firstSeed: 344, runs: 344, shows: "stuck-group" },
  { variant: "deferred-unsubscribed", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "deferred-unswept", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "woken-unsent", firstSeed: 2, runs: 2, shows: "stuck-group" },
  { variant: "event-deadline-forgotten", firstSeed: 1, runs: 1, shows: "livelock" },
  { variant: "deferred-without-end", firstSeed: 1, runs: 1, shows: "livelock" },
  { variant: "execution-not-asked-after", firstSeed: 2, runs: 2, shows: "livelock" },
  { variant: "execution-not-stopped", firstSeed: 148, runs: 148, shows: "execution-left-running" },
  { variant: "execution-without-a-name", firstSeed: 2, runs: 2, shows: "executed-twice" },
  { variant: "crashes-without-first-sweep", firstSeed: 1, runs: 1, shows: "stuck-group" },
  { variant: "write-reported-before-applied", firstSeed: 2, runs: 2, shows: "marked-without-end" },
];

/** Variants that remove nothing, so no seed may catch them. */
export const SOUND: readonly string[] = ["no-sweeper", "crashes"];
