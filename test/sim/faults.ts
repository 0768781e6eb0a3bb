import type { Json } from "../../functions/core/json.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Item, Key, WriteOp, WriteResult } from "../../functions/engine/ports.ts";
import type { SimProcess } from "./scheduler.ts";

/**
 * What a broken variant does to the ports and to the worker loop. The engine's code is never touched: each fault shows what would go wrong if a port
 * did not keep its promise, or if the engine did not ask for it. `{}` is the recommended protocol.
 */
export interface Faults {
  /** `false`: nothing repairs what was lost; also no messages are lost then, unless `loss` says so. */
  readonly sweeper?: false;
  readonly loss?: true;
  readonly config?: Partial<EngineConfig>;
  /** Lease owners are named after the process. */
  readonly tokenPerProcess?: true;
  /** What is written in place of this; undefined: nothing, and the write is reported as applied. */
  rewrite?(op: WriteOp): WriteOp | undefined;
  /** What the writer is told. */
  report?(op: WriteOp, result: WriteResult): WriteResult;
  /** What the writer of several items at once is told. */
  reportMany?(ops: readonly WriteOp[], results: readonly WriteResult[]): readonly WriteResult[];
  /** What a consistent read gives in place of the item. */
  read?(context: ReadContext): Item | undefined;
  /** The message vanishes although it was accepted. `handling`: bodies of the messages that its sender is handling. */
  swallow?(body: Json, handling: readonly Json[]): boolean;
  /** Whoever wrote this dies soon after it. */
  dies?(op: WriteOp): boolean;
  /** Probability that a write is reported, its process dies, and the write is gone. */
  readonly reportedBeforeApplied?: number;
  /** Probability that a blob is reported as stored, and is not. */
  readonly lostBlobs?: number;
  /** The same for values of members without rows. */
  readonly lostParts?: number;
  /** An execution that is told to stop goes on. */
  readonly deafExecutions?: true;
  /** An execution is started again under a name that was used. */
  readonly namelessExecutions?: true;
  readonly loop?: LoopFaults;
}
export interface ReadContext {
  readonly process: SimProcess;
  readonly key: Key;
  readonly item: Item | undefined;
  /** The item before its last write. */
  readonly previous: Item | undefined;
  /** By getMany, which is how the groups above are read. */
  readonly many: boolean;
  /** Runs of a group that stand in the store. */
  readonly rowsOf: (gid: string) => number;
  readonly chance: (probability: number) => boolean;
  /** Bodies of the messages that the reader is handling. */
  readonly handling: () => readonly Json[];
}
export interface LoopFaults {
  readonly ackBeforeHandling?: true;
  readonly ackOnLater?: true;
  /** The engine throws: it is acknowledged all the same. */
  readonly ackOnError?: true;
  /** A later delivery is acknowledged without asking the engine, when all its runs have ended. */
  readonly ackFinished?: true;
  /** Acknowledged as soon as the engine is lent a slot for a step that it runs in place. */
  readonly ackOnSpareSlot?: true;
  /** A lost heartbeat acknowledges the message. */
  readonly ackOnLostLease?: true;
}
