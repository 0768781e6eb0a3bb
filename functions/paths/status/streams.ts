import type { Canvas } from "../../core/canvas/canvas.ts";
import type { JsonObject } from "../../core/json.ts";
import type { TaskCall } from "../../core/task/invocation.ts";
import type { PathSource } from "../input/path-source.ts";
import type { PathIterable } from "../input/path-iterable.ts";
import { invalid, type PathObject } from "./path-payload.ts";

/** What other parts of a path task need of the stream that its code has opened. */
export interface CallStream {
  readonly inputPaths: PathSource | PathIterable;
  /** Resolves once it is known what earlier attempts have reported. */
  whenOpen(): Promise<{ isReported(position: number): boolean }>;
  /** Says that an item was given to the code of the task, which may report it from then on. */
  yielded(position: number, item: PathObject): void;
  /** Says that items which were reported are needed all the same: `expandPaths` yields all of them. */
  yieldAll(): void;
  /** Ends all timers. */
  stop(): void;
  /** Whether a payload is the one that `dump` has returned. */
  isOwn(payload: unknown): boolean;
}
/** Items for one child, and what the next attempt must know of it. */
export type Chunk = ({ readonly canvas: Canvas } | { readonly paths: readonly JsonObject[] }) & {
  readonly cursor: JsonObject;
};
/** What other parts of a path task need of the submitter that its code has made. */
export interface CallSubmitter {
  readonly handsOver: "own" | "children";
  /** Yields the chunks until the code has ended. */
  chunks(): AsyncGenerator<Chunk, void, undefined>;
  /** Says that the code has ended, perhaps by an error. */
  end(end: "ended" | { readonly error: unknown }): void;
  /** Says that no chunk is taken any more. */
  close(error: unknown): void;
  /** Whether a payload is the one that `dump` has returned. */
  isOwn(payload: unknown): boolean;
  /** Whether a child processes an item of the list that the task was given. */
  isHandedOn(path: string): boolean;
}
/** What is known of the stream of a call, before and after its code has opened one. */
export interface StreamWatch {
  stream: CallStream | undefined;
  submitter: CallSubmitter | undefined;
  /** Resolves once the code has made a submitter. */
  readonly submits: Promise<void>;
  readonly noteSubmits: () => void;
  /** Rejects when the stream was idle for too long. Never resolves. */
  readonly idle: Promise<never>;
  readonly fail: (error: unknown) => void;
}
/** One for the process, because a module of tasks may load another copy of this module. */
const STREAMS = Symbol.for("fanfold.streams");
const shared = globalThis as { [STREAMS]?: WeakMap<TaskCall, StreamWatch> };
const watches = (shared[STREAMS] ??= new WeakMap());

/** Watches whether the code of a call opens a stream. */
export function watchStream(call: TaskCall): StreamWatch {
  const known = watches.get(call);
  if (known) return known;
  let fail: StreamWatch["fail"] = () => undefined;
  const idle = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  idle.catch(() => undefined);
  let noteSubmits: StreamWatch["noteSubmits"] = () => undefined;
  const submits = new Promise<void>((resolve) => {
    noteSubmits = resolve;
  });
  const watch: StreamWatch = { stream: undefined, submitter: undefined, submits, noteSubmits, idle, fail };
  watches.set(call, watch);
  return watch;
}
/** Returns the stream that the code of a call has opened, if it has. */
export function streamOfCall(call: TaskCall): CallStream | undefined {
  return watches.get(call)?.stream;
}
/** Notes the stream that the code of a call has opened. */
export function noteStream(call: TaskCall, stream: CallStream): StreamWatch {
  const watch = watchStream(call);
  watch.stream = stream;
  return watch;
}
/**
 * Notes the submitter that the code of a call has made.
 * @throws FanfoldError `invalid_payload` when it has made another one
 */
export function noteSubmitter(call: TaskCall, submitter: CallSubmitter): void {
  const watch = watchStream(call);
  if (watch.submitter) throw invalid("", "has one submitter: give all children to it, under several keys");
  watch.stream?.yieldAll();
  watch.submitter = submitter;
  watch.noteSubmits();
}
