import type { TaskCall } from "../../core/task/invocation.ts";
import type { PathSource } from "../input/path-source.ts";
import type { PathIterable } from "../input/path-iterable.ts";
import type { PathObject } from "./path-payload.ts";

/** What other parts of a path task need of the stream that its code has opened. */
export interface CallStream {
  readonly inputPaths: PathSource | PathIterable;
  /** Resolves once it is known what earlier attempts have reported. */
  whenOpen(): Promise<{ isReported(position: number): boolean }>;
  /** Says that an item was given to the code of the task, which may report it from then on. */
  yielded(position: number, item: PathObject): void;
  /** Ends all timers. */
  stop(): void;
  /** Whether a payload is the one that `dump` has returned. */
  isOwn(payload: unknown): boolean;
}
/** What is known of the stream of a call, before and after its code has opened one. */
export interface StreamWatch {
  stream: CallStream | undefined;
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
  const watch: StreamWatch = { stream: undefined, idle, fail };
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
