import type { Json, JsonObject } from "../../core/json.ts";

/**
 * Wire form of messages. A member message names members of ONE ledger leaf and one step, so that their marks become one
 * write. Rows and headers hold the round, so only control messages that decide carry it.
 */
const MESSAGE_VERSION = 1;
export type EngineMessage =
  | { readonly kind: "members"; readonly gid: string; readonly step: number; readonly members: readonly number[] }
  | { readonly kind: "expand"; readonly gid: string; readonly from: number; readonly to: number }
  | { readonly kind: "settle"; readonly gid: string }
  | { readonly kind: "answered"; readonly gid: string }
  | { readonly kind: "execution"; readonly gid: string }
  | { readonly kind: "cancel"; readonly gid: string; readonly round: number }
  | { readonly kind: "revoke"; readonly gid: string; readonly index: number }
  /** Walks the runs of a job, from the run after `after`. */
  | { readonly kind: "revokeStamped"; readonly gid: string; readonly after?: string }
  /** Ends runs that wait for a round of an identity, from the subscription after `after`. */
  | {
      readonly kind: "wake";
      readonly gid: string;
      readonly round: number;
      readonly shard: number;
      readonly after?: string;
    }
  /** Wakes the dependents of an identity, from the one after `after`. */
  | { readonly kind: "dependents"; readonly gid: string; readonly after: string }
  /** `all` is set by the first sweep of a start: what a call of the API left begun is owed at once. */
  | { readonly kind: "sweep"; readonly gid: string; readonly fromLeaf: number; readonly all?: true };
/**
 * Sent by the platform when an execution has ended. The platform does not know the group. The wire form is written in
 * infra/constructs/execution-events.ts, too.
 */
export interface ExecutionEnded {
  readonly kind: "executionEnded";
  readonly execution: string;
}

/**
 * Fires a schedule if it is due, and starts what waited for the end of a job. It belongs to no job. `at` is the nominal
 * time that it was sent ahead for.
 */
export interface ScheduleDue {
  readonly kind: "schedule";
  readonly name: string;
  readonly at?: number;
}
/** Sends what was parked for a pause, shard by shard. It belongs to no job. */
export interface DrainParked {
  readonly kind: "drain";
  /** The text of the pause's target (core/pause.ts). */
  readonly target: string;
  readonly pause: string;
  readonly shard: number;
}
/** Admits what waits in the backlog of a queue. It belongs to no job. */
export interface DispatchBacklog {
  readonly kind: "dispatch";
  readonly queue: string;
  /** Set on a message by which a dispatcher looks again: its name in the item of the queue. */
  readonly next?: string;
}
/** Runs of a bulk task that share a call. They may be of many jobs. Sent to the queue of the task. */
export interface BulkRuns {
  readonly kind: "bulk";
  readonly task: string;
  readonly packs: readonly BulkPack[];
}
export interface BulkPack {
  readonly gid: string;
  readonly step: number;
  readonly members: readonly number[];
}
/** Ends a pass of a bulk task once it has been idle for a while. Sent to the queue of the task. */
export interface EndPass {
  readonly kind: "pass";
  readonly task: string;
  readonly pass: string;
}
/** Puts the schedules of the configuration. */
export interface SyncSchedules {
  readonly kind: "schedules";
}

/** Makes outdated ends of a task anew, page by page. It belongs to no job. */
export interface RefreshOutdated {
  readonly kind: "refresh";
  readonly task: string;
  readonly version: number;
}

/** Messages that belong to no job, or to no group of one. */
export type GeneralMessage = RefreshOutdated | ScheduleDue | SyncSchedules | DrainParked | DispatchBacklog;
/** Messages of a bulk task, whose code may run for many groups. */
export type BulkMessage = BulkRuns | EndPass;

export function encodeMessage(message: EngineMessage | GeneralMessage | BulkMessage): Json {
  return { v: MESSAGE_VERSION, ...message } as Json;
}
/** Returns undefined for what is not a message of this engine, or has a version that this engine does not know. */
export function decodeMessage(body: Json): EngineMessage | ExecutionEnded | GeneralMessage | BulkMessage | undefined {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return undefined;
  const message = body as JsonObject;
  if (message["v"] !== MESSAGE_VERSION) return undefined;
  const { kind, gid, execution, name, at, target, pause, shard, queue, next, task, version } = message;
  if (kind === "refresh" && typeof task === "string" && isWhole(version)) return { kind, task, version };
  if (kind === "schedule" && typeof name === "string") return { kind, name, ...(typeof at === "number" && { at }) };
  if (kind === "schedules") return { kind };
  if (kind === "drain" && typeof target === "string" && typeof pause === "string" && isWhole(shard))
    return { kind, target, pause, shard };
  if (kind === "dispatch" && typeof queue === "string")
    return { kind, queue, ...(typeof next === "string" && { next }) };
  if (kind === "bulk" || kind === "pass") return decodeBulk(message);
  if (kind === "executionEnded" && typeof execution === "string") return { kind, execution };
  return typeof gid === "string" && gid.length > 0 ? decodeForGroup(message, gid) : undefined;
}
function decodeBulk({ kind, task, packs, pass }: JsonObject): BulkMessage | undefined {
  if (typeof task !== "string") return undefined;
  if (kind === "pass") return typeof pass === "string" ? { kind, task, pass } : undefined;
  if (kind !== "bulk" || !Array.isArray(packs) || !packs.every(isPack)) return undefined;
  return { kind, task, packs: packs as unknown as readonly BulkPack[] };
}
function isPack(value: Json): boolean {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const { gid, step, members } = value as JsonObject;
  return typeof gid === "string" && gid.length > 0 && isWhole(step) && isMembers(members);
}
function decodeForGroup(message: JsonObject, gid: string): EngineMessage | undefined {
  const { kind, members, step, from, to, round, index, after, fromLeaf, all, shard } = message;
  switch (kind) {
    case "members":
      return isWhole(step) && isMembers(members) ? { kind, gid, step, members } : undefined;
    case "expand":
      return isWhole(from) && isWhole(to) ? { kind, gid, from, to } : undefined;
    case "settle":
    case "answered":
    case "execution":
      return { kind, gid };
    case "cancel":
      return isWhole(round) ? { kind, gid, round } : undefined;
    case "revoke":
      return isWhole(index) ? { kind, gid, index } : undefined;
    case "revokeStamped":
      if (after === undefined) return { kind, gid };
      return typeof after === "string" ? { kind, gid, after } : undefined;
    case "wake":
      if (!isWhole(round) || !isWhole(shard) || (after !== undefined && typeof after !== "string")) return undefined;
      return { kind, gid, round, shard, ...(after !== undefined && { after }) };
    case "dependents":
      return typeof after === "string" ? { kind, gid, after } : undefined;
    case "sweep":
      return isWhole(fromLeaf) ? { kind, gid, fromLeaf, ...(all === true && { all }) } : undefined;
    default:
      return undefined;
  }
}
function isWhole(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
function isMembers(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isWhole);
}
