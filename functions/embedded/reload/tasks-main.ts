import { createRequire, register } from "node:module";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MessageChannel, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { errorData, isFanfoldError } from "../../core/task/error-data.ts";
import { createWorkflows } from "../../sdk/index.ts";
import { loadTasksOf } from "../load-tasks.ts";
import type { Answer, Call, Described, ThreadData } from "./tasks-thread.ts";

/** Notes what is imported, in the thread of Node that resolves imports. It runs before this process reads TypeScript. */
const HOOKS = `let port;
export const initialize = (given) => void (port = given);
export const load = (url, context, next) => (port.postMessage(url), next(url, context));`;

const { tasksModule, calls, answered } = workerData as ThreadData;
const { port1: imports, port2: noting } = new MessageChannel();
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`, { data: noting, transferList: [noting] });

/**
 * Returns the place of an error that Node does not place: it tells the line of what it cannot compile only to a process
 * that ends by it.
 */
function placeOf(cause: unknown, files: readonly string[]): string {
  if (!(cause instanceof SyntaxError) || /^(file:\/\/)?\/.*:\d+$/m.test(cause.stack ?? "")) return "";
  for (const file of files.filter((each) => /\.[cm]?js$/.test(each))) {
    const { status, stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8" });
    if (status !== 0) return `\n    at ${stderr.split("\n", 1)[0]}`;
  }
  return "";
}
/** Returns the files of the caller that have been imported or required: those outside of any package. */
function importedFiles(): string[] {
  const urls: string[] = [];
  for (let next = receiveMessageOnPort(imports); next !== undefined; next = receiveMessageOnPort(imports))
    urls.push(next.message as string);
  const files = urls.flatMap((url) => (url.startsWith("file:") ? fileURLToPath(url.replace(/[?#].*$/, "")) : []));
  const required = Object.keys(createRequire(import.meta.url).cache);
  return [...new Set([...files, ...required])].filter((file) => !/[\\/]node_modules[\\/]/.test(file));
}
function answerOf<T>(work: () => T, place: (cause: unknown) => string = () => ""): Answer<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!isFanfoldError(error)) {
      const { name, message } = errorData(error);
      return { error: { code: "internal", message: `${name}: ${message}`, details: {} } };
    }
    const message = error.message + place(error.cause);
    return { error: { code: error.code, message, details: error.details } };
  }
}

const found = await loadTasksOf(tasksModule).then(
  (value) => () => value,
  (error: unknown) => () => {
    throw error;
  },
);
// Notes of imports come through another thread, which has written them before it has read the modules.
const files = importedFiles();
const described: Answer<Described> = answerOf(
  () => {
    const { tasks, workflows } = found();
    const started = createWorkflows(workflows);
    calls.on("message", ({ workflow, fields }: Call) => {
      calls.postMessage(answerOf(() => started.start(workflow, fields)));
      Atomics.store(answered, 0, 1);
      Atomics.notify(answered, 0);
    });
    return { tasks: tasks.map(({ info }) => info), workflows: started.list() };
  },
  (cause) => placeOf(cause, files),
);
parentPort?.postMessage({ ...described, files });
