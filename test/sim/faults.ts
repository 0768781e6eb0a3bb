import type { Json } from "../../functions/core/json.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import type { Item, Key, WriteOp, WriteResult } from "../../functions/engine/ports.ts";
import type { SimProcess } from "./scheduler.ts";

/**
 * The faults that a broken variant injects into the ports and the worker loop. The engine's code is never touched. Each
 * fault shows what goes wrong when a port breaks its promise, or when the engine does not ask for it. `{}` is the
 * recommended protocol.
 */
export interface Faults {
  /**
   * `false` leaves lost work without repair, and `start` makes one pass at each start. Then no messages are lost either,
   * unless `loss` is set.
   */
  readonly sweeper?: false | "start";
  /**
   * All processes of one machine die together, and then all messages are back in their queues. Clients do not come
   * back, so only the machine can finish what they began.
   */
  readonly crashes?: true;
  readonly loss?: true;
  readonly config?: Partial<EngineConfig>;
  /** Lease owners are named after the process, so all claims of a process share a token. */
  readonly tokenPerProcess?: true;
  /** Clients cancel jobs whose runs are held, and retry them at once. */
  readonly hastyRetries?: true;
  /** Returns the write that replaces this one. Returns undefined to skip the write and report it as applied. */
  rewrite?(op: WriteOp): WriteOp | undefined;
  /**
   * Makes the first such write on an item wait until the item's job is in a later round than now. It may wait for ever.
   */
  late?(op: WriteOp): boolean;
  /** Reports a write as applied that is applied only once its group is in the round that the write is of. */
  readonly copiesLate?: true;
  /** Returns the result that the writer sees. */
  report?(op: WriteOp, result: WriteResult, rows: RowsAsStored): WriteResult;
  /** Returns the results that the writer of several items sees. */
  reportMany?(ops: readonly WriteOp[], results: readonly WriteResult[]): readonly WriteResult[];
  /** Returns the item that a consistent read sees instead of the stored one. */
  read?(context: ReadContext): Item | undefined;
  /** Makes an accepted message vanish. `handling` holds the bodies of the messages that its sender is handling. */
  swallow?(body: Json, handling: readonly Json[]): boolean;
  /** Makes the writer of this write die soon after it. */
  dies?(op: WriteOp): boolean;
  /** Probability that a write is reported as applied, its process dies, and the write is lost. */
  readonly reportedBeforeApplied?: number;
  /** Probability that a blob is reported as stored but is not. */
  readonly lostBlobs?: number;
  /** Probability that the values of rowless members are reported as stored but are not. */
  readonly lostParts?: number;
  /** Executions ignore requests to stop. */
  readonly deafExecutions?: true;
  /** Executions start again under a name that was used before. */
  readonly namelessExecutions?: true;
  /** A batch of starts is answered as soon as one of its jobs exists. */
  readonly answersEarly?: true;
  readonly loop?: LoopFaults;
  /** Clients pause and resume jobs, queues, sites and tasks (pausers.ts). */
  readonly pauses?: true;
  /** Gives signatures limits and locks. */
  readonly limits?: true;
  /** Tasks of shared work have versions in every seed. */
  readonly versions?: true;
  /** Tasks of shared work have tiers in every seed. */
  readonly tiers?: true;
  /** Clients schedule and remove shared runs. */
  readonly scheduled?: true;
  /** Queues have caps, signatures priorities, and now and then no process knows how many messages a queue holds. */
  readonly backlog?: true;
  /** Most canvases hold graphs, which otherwise only a fifth of the seeds has. */
  readonly graphs?: true;
  /** An unknown depth reads as an empty queue. */
  readonly depthAsZero?: true;
  /** Gives signatures a bulk task. */
  readonly bulk?: true;
  /** All runs of a bulk call end as the first one does. */
  readonly truthAsOne?: true;
  /** No process dies or freezes. */
  readonly immortal?: true;
  /** In every seed clients submit many jobs of one quick task, and workers receive several of their messages at once. */
  readonly solos?: true;
  /** Simulates schedules (schedule-simulation.ts) in place of jobs of clients. */
  readonly schedules?: true;
}
/** Returns the row of a run as it is stored. */
export type RowsAsStored = (runId: string) => Run | undefined;
export interface ReadContext {
  readonly process: SimProcess;
  readonly key: Key;
  readonly item: Item | undefined;
  /** The item before its last write. */
  readonly previous: Item | undefined;
  /** Set when the read comes from getMany, which reads the groups above a group. */
  readonly many: boolean;
  /** The round of the group that the same call read before, if it lies below this one. */
  readonly below: number | undefined;
  /** Returns the number of members of a group that have a row. */
  readonly rowsOf: (gid: string) => number;
  /** Returns the round that a group is in. */
  readonly roundOf: (gid: string) => number;
  readonly chance: (probability: number) => boolean;
  /** Returns the bodies of the messages that the reader is handling. */
  readonly handling: () => readonly Json[];
}
export interface LoopFaults {
  readonly ackBeforeHandling?: true;
  /** The loop acknowledges a message that was given up before the engine has it. */
  readonly ackGivenUp?: true;
  readonly ackOnLater?: true;
  /** The loop acknowledges the message even though the engine threw. */
  readonly ackOnError?: true;
  /** The loop acknowledges a redelivery without asking the engine when all runs of the message have ended. */
  readonly ackFinished?: true;
  /** The loop acknowledges the message as soon as it lends the engine a slot for a step in place. */
  readonly ackOnSpareSlot?: true;
  /** The loop acknowledges the message once its run was claimed together with those of other messages. */
  readonly ackTogether?: true;
  /** The loop acknowledges the message when a heartbeat loses a lease. */
  readonly ackOnLostLease?: true;
}
