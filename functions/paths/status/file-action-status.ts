import type { Json } from "../../core/json.ts";
import { callOfTask } from "../../sdk/current-task.ts";
import type { PathSource } from "../input/path-source.ts";
import {
  invalid,
  jobidAt,
  pathAt,
  type PathObject,
  type PathPayload,
  pathsAt,
  type PathState,
  payloadOf,
  stateAt,
  textAt,
} from "./path-payload.ts";

/** What `add` stores with an item beside its path. */
export interface AddedFields {
  /** Why the item is in its state: a text, several, or an error. It is stored as a list of texts. */
  readonly message?: string | readonly string[] | Error;
  readonly [name: string]: unknown;
}

/**
 * Builds what a path task returns. It keeps the last state of each item, and counts.
 * @example
 * const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
 * for (const { path } of paths) status.add("processed", path);
 * return status.dump();
 */
export class FileActionStatus {
  readonly task: string;
  readonly inputPaths: readonly PathObject[];
  readonly jobid: string | number;
  /** The queue that the task runs on, in text form. */
  readonly queue: string;
  readonly #startedAt: number;
  readonly #inputs: ReadonlyMap<string, PathObject>;
  readonly #reported = new Map<string, { readonly state: PathState; readonly item: PathObject }>();
  readonly #handedOn = new Set<string>();

  /**
   * @param task the name of the task, `ctx.task`
   * @param inputPaths the items that the task received, a list
   * @param jobid the jobid that the task received, a text or a number
   * @param queue the queue of the task, `currentQueue()`
   * @throws FanfoldError `invalid_payload`, whose `details.field` names the parameter
   */
  constructor(task: string, inputPaths: PathSource, jobid: string | number, queue: string) {
    this.task = textAt(task, "/task");
    this.inputPaths = pathsAt(inputPaths, "/input_paths");
    this.jobid = jobidAt(jobid, "/jobid");
    this.queue = textAt(queue, "/queue");
    this.#startedAt = callOfTask()?.startedAt ?? Date.now();
    this.#inputs = new Map(this.inputPaths.map((item) => [item.path, item]));
  }
  /**
   * Notes the state of an item. A later state of the same path replaces the earlier one. The stored item has the fields
   * of the received one with that path.
   * @param item the path of the item, or the item
   * @throws FanfoldError `invalid_payload`, whose `details.field` names the parameter
   * @example status.add("failures", path, { message: error });
   */
  add(state: PathState, item: string | PathObject, fields: AddedFields = {}): void {
    const known = stateAt(state, "/state");
    const given = pathAt(typeof item === "string" ? { path: item } : item, "/item");
    const stored = storedItem(this.#inputs.get(given.path), given, fields);
    // The item moves to the end, because it is the latest one in its new state.
    this.#reported.delete(given.path);
    this.#reported.set(given.path, { state: known, item: stored });
  }
  /** Says that a child processes an item, so the task need not report it. Returns the item as it was received. */
  handOn(path: string): PathObject | undefined {
    const item = this.#inputs.get(path);
    if (item) this.#handedOn.add(path);
    return item;
  }
  /** Whether a child processes an item. */
  isHandedOn(path: string): boolean {
    return this.#handedOn.has(path);
  }
  /** Returns the payload, which is what the task returns. */
  dump(): PathPayload {
    return payloadOf({
      task: this.task,
      jobid: this.jobid,
      inputs: this.inputPaths,
      startedAt: this.#startedAt,
      reported: this.#reported.values(),
    });
  }
}
/** Returns an item as it is stored: with the fields that it was received with, and those that were added. */
export function storedItem(
  received: PathObject | undefined,
  { path, ...own }: PathObject,
  { message, ...fields }: AddedFields,
): PathObject {
  return {
    ...received,
    path,
    ...own,
    ...(fields as Readonly<Record<string, Json>>),
    ...(message !== undefined && { message: reasonsOf(message) }),
  };
}
function reasonsOf(message: NonNullable<AddedFields["message"]>): readonly string[] {
  if (typeof message === "string") return [message];
  if (message instanceof Error) return [message.message];
  if (Array.isArray(message) && message.every((reason) => typeof reason === "string")) return message;
  throw invalid("/message", "must be a text, a list of texts or an error");
}
