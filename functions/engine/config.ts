export interface EngineConfig {
  /** Site of queues that name none. */
  readonly site: string;
  /** Leaf width and fan-out of each ledger level. 256; simulations use 2 and 3. */
  readonly width: number;
  readonly leaseSeconds: number;
  /** Bound of clock differences between processes. */
  readonly skewMarginSeconds: number;
  /** Raised at each start of an embedded runtime: leases of an earlier epoch are over. undefined: leases end by time alone. */
  readonly epoch: number | undefined;
  /** Who may say that a run killed its process: the takeover of a run that ran alone, or only a supervisor's `endLeases`. */
  readonly killEvidence: "takeover" | "supervisor";
  readonly maxKillsAlone: number;
  /** How long a header rests between two checks by the sweeper. */
  readonly sweepSeconds: number;
  /** How old a queued run must be before the sweeper sends it again; doubles with each send. */
  readonly resendSeconds: number;
  /** Settles per follow-up before the rest is handed to the engine queue. */
  readonly settleBudget: number;
  /** Milliseconds that finished runs wait for others, so that their marks become one write. */
  readonly followDelayMs: number;
  readonly headerCacheMs: number;
  /** Members per expand message. */
  readonly expandRange: number;
  /** Most members of one leaf in one message. */
  readonly membersPerMessage: number;
  /** Most runs that are claimed and committed together. */
  readonly batchMembers: number;
  /** How long such a batch is meant to take: slow runs are claimed one by one. */
  readonly batchMs: number;
  /** Steps that one message may run in place, one after the other, and for how long. */
  readonly inPlaceSteps: number;
  readonly inPlaceSeconds: number;
  /** A group is packed into fewer messages than it has members only above this size, so that all workers get some of a small one. */
  readonly packAbove: number;
  /** Pages of an open group that may be unfinished before its owner stops pulling. */
  readonly openPages: number;
  readonly unknownTaskGraceSeconds: number;
  readonly defaultJobTimeoutSeconds: number;
  readonly maxJobTimeoutSeconds: number;
  readonly retentionSeconds: number;
  /** Longest in-process wait of a blocked streaming owner before it yields its slot. */
  readonly yieldSeconds: number;
  /** Tasks may be state machines; the names of their executions begin with `prefix`. undefined: there are no state machines here. */
  readonly executions: { readonly prefix: string } | undefined;
}

/** Defaults for production; the embedded runtime and simulations override some (functions/embedded/settings.ts). */
export const DEFAULT_CONFIG: EngineConfig = {
  site: "local",
  width: 256,
  leaseSeconds: 60,
  skewMarginSeconds: 5,
  epoch: undefined,
  killEvidence: "takeover",
  maxKillsAlone: 3,
  sweepSeconds: 60,
  resendSeconds: 120,
  settleBudget: 20,
  followDelayMs: 50,
  headerCacheMs: 5_000,
  expandRange: 4_096,
  membersPerMessage: 256,
  batchMembers: 64,
  batchMs: 25,
  inPlaceSteps: 50,
  inPlaceSeconds: 20,
  packAbove: 64,
  openPages: 64,
  unknownTaskGraceSeconds: 3_600,
  defaultJobTimeoutSeconds: 30 * 86_400,
  maxJobTimeoutSeconds: 365 * 86_400,
  retentionSeconds: 7 * 86_400,
  yieldSeconds: 10,
  executions: undefined,
};

export const ROWLESS_SAMPLE = 8;
