import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, Links } from "../core/canvas/canvas.ts";
import { assertNever, FanfoldError, under } from "../core/errors.ts";
import { jsonPointer } from "../core/json-pointer.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import type { TaskCatalog } from "./dependencies.ts";

/**
 * Reads a canvas of a request, and checks that each of its tasks is known. `at` is its place in the body, as a JSON
 * pointer.
 */
export function readCanvas(json: unknown, tasks: TaskCatalog, at = ""): Canvas {
  const canvas = under(at, () => parseCanvas(json));
  checkTasks(canvas, tasks, at);
  return canvas;
}

/**
 * Throws `unknown_task` for the first signature of an unknown task. The depth is bounded, because the canvas was
 * parsed.
 */
export function checkTasks(canvas: Canvas, tasks: TaskCatalog, at = ""): void {
  switch (canvas.kind) {
    case "task":
      if (tasks.info(canvas.task) === undefined)
        throw unknownTask(canvas.task, tasks, `${at}${canvas.each ? `/${canvas.each}` : ""}/task`);
      checkLinks(canvas, tasks, at);
      return;
    case "chunks":
      if (tasks.info(canvas.task) === undefined) throw unknownTask(canvas.task, tasks, `${at}/chunks/task`);
      checkLinks(canvas, tasks, at);
      return;
    case "when":
      checkTasks(canvas.do, tasks, `${at}/when/do`);
      if (canvas.otherwise) checkTasks(canvas.otherwise, tasks, `${at}/when/otherwise`);
      checkLinks(canvas, tasks, at);
      return;
    case "repeat":
      checkTasks(canvas.body, tasks, `${at}/repeat/body`);
      checkLinks(canvas, tasks, at);
      return;
    case "wait":
      checkLinks(canvas, tasks, at);
      return;
    case "chain":
      canvas.items.forEach((item, index) => checkTasks(item, tasks, jsonPointer(["chain", index], at)));
      checkLinks(canvas, tasks, at);
      return;
    case "group":
      canvas.members.forEach((member, index) => checkTasks(member, tasks, jsonPointer(["group", index], at)));
      return;
    case "chord":
      checkHeader(canvas.header.members, tasks, at);
      checkTasks(canvas.body, tasks, `${at}/chord/body`);
      return;
    default:
      assertNever(canvas);
  }
}

function checkLinks({ link = [], linkError = [] }: Links, tasks: TaskCatalog, at: string): void {
  link.forEach((each, index) => checkTasks(each, tasks, `${at}/link/${index}`));
  linkError.forEach((each, index) => checkTasks(each, tasks, `${at}/link_error/${index}`));
}
function checkHeader(members: readonly Canvas[], tasks: TaskCatalog, at: string): void {
  members.forEach((member, index) => checkTasks(member, tasks, `${at}/chord/header/${index}`));
}

function unknownTask(name: string, tasks: TaskCatalog, field: string): FanfoldError {
  const suggestion = nearestName(name, tasks.names?.() ?? []);
  const hint = suggestion === undefined ? "no registered task has a similar name" : `did you mean ${suggestion}?`;
  return new FanfoldError("unknown_task", `no task is called ${name}; ${hint}`, {
    details: { field, ...(suggestion !== undefined && { suggestion }) },
  });
}
