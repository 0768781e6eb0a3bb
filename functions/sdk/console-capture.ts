import type { JsonObject } from "../core/json.ts";
import type { TaskCall } from "../core/task/invocation.ts";
import { callOfTask } from "./current-task.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
/** The log of a run. */
type RunLog = Readonly<Record<LogLevel, (message: string, fields?: JsonObject) => void>>;
/** Receives each line of a run's log whose task captures the console, with the run that it belongs to. */
export type LineSink = (level: LogLevel, message: string, call: TaskCall, fields?: JsonObject) => void;

/** A stream of the process, as far as it is used here. */
interface Output {
  write: (this: unknown, chunk: unknown, ...rest: readonly unknown[]) => boolean;
}
type Method = (...given: readonly unknown[]) => void;
const host = globalThis as unknown as {
  readonly console: Record<string, Method>;
  readonly process?: {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly getBuiltinModule?: (name: string) => { readonly format: (...given: readonly unknown[]) => string };
  };
};

/**
 * What captures the console, once in a process. A module of tasks may load another copy of this module than the worker
 * does, so all copies share it.
 *
 * Output is printed as before, and added to the log of the run whose code printed it. AsyncLocalStorage tells which run
 * that is, also after an `await`. Where there is a sink, the line goes there instead of being printed.
 */
interface Capture {
  installed: boolean;
  /** Set while output is printed that was captured already. */
  passing: boolean;
  sink: LineSink | undefined;
}
const CAPTURE = Symbol.for("fanfold.capture");
const shared = globalThis as { [CAPTURE]?: Capture };
const capture: Capture = (shared[CAPTURE] ??= { installed: false, passing: false, sink: undefined });
/** Kept with a call whose task captures the console. */
const LOG = Symbol.for("fanfold.log");
type Captured = TaskCall & { [LOG]?: RunLog };

/** Says where lines go instead of the output of the process. */
export function setLineSink(sink: LineSink | undefined): void {
  capture.sink = sink;
}
/** Adds what the code of a call prints to its log. Returns that log, whose lines go to the sink as well. */
export function captureInto(call: TaskCall, log: RunLog, keeps: (level: LogLevel) => boolean): RunLog {
  const at = (level: LogLevel): RunLog[LogLevel] => {
    if (!keeps(level)) return log[level];
    return (message, fields) => {
      log[level](message, fields);
      passing(() => capture.sink?.(level, String(message), call, fields));
    };
  };
  const both = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  (call as Captured)[LOG] = both;
  return both;
}

const METHODS = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" } as const;
/** Begins to capture. Code that runs for no run, or for one whose task does not ask for it, prints as before. */
export function installCapture(): void {
  const format = host.process?.getBuiltinModule?.("node:util").format;
  if (capture.installed || host.process === undefined || format === undefined) return;
  capture.installed = true;
  for (const [name, level] of Object.entries(METHODS)) {
    const print = host.console[name] as Method;
    host.console[name] = (...given) =>
      emit(
        level,
        () => format(...given),
        () => print(...given),
      );
  }
  captureStream(host.process.stdout, "info");
  captureStream(host.process.stderr, "warn");
}
/** Libraries that log write to the streams, not to the console. */
function captureStream(stream: Output, level: LogLevel): void {
  const write = stream.write;
  stream.write = function (chunk, ...rest) {
    return emit(
      level,
      () => textOf(chunk),
      () => write.call(this, chunk, ...rest),
      () => {
        const callback = rest.find((each) => typeof each === "function");
        if (callback) queueMicrotask(callback as () => void);
        return true;
      },
    );
  };
}
function emit<T>(level: LogLevel, text: () => string, print: () => T, skip: () => T = () => undefined as T): T {
  const log = capture.passing ? undefined : (callOfTask() as Captured | undefined)?.[LOG];
  if (log === undefined) return print();
  for (const line of text().split("\n")) if (line.trim() !== "") log[level](line);
  return capture.sink === undefined ? passing(print) : skip();
}
function passing<T>(action: () => T): T {
  const before = capture.passing;
  capture.passing = true;
  try {
    return action();
  } finally {
    capture.passing = before;
  }
}
function textOf(chunk: unknown): string {
  return chunk instanceof Uint8Array ? new TextDecoder().decode(chunk) : String(chunk);
}
