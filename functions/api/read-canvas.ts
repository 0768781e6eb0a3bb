import { parseCanvas } from "../core/canvas/canvas-wire.ts";
import type { Canvas, Links } from "../core/canvas/canvas.ts";
import { assertNever, FanfoldError, under } from "../core/errors.ts";
import { jsonPointer } from "../core/json-pointer.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";

/**
 * Reads a canvas of a request, and checks that each of its tasks is known. `at` is its place in the body, as a JSON
 * pointer.
 */
export function readCanvas(json: unknown, tasks: TaskRegistry, at = ""): Canvas {
  const canvas = under(at, () => parseCanvas(json));
  checkTasks(canvas, tasks, at);
  return canvas;
}

/**
 * Throws `unknown_task` for the first signature of an unknown task. The depth is bounded, because a canvas that was read
 * or built has been checked. Links that many signatures share are looked at once.
 */
export function checkTasks(canvas: Canvas, tasks: TaskRegistry, at = ""): void {
  checkNode(canvas, { tasks, seen: new Set() }, at);
}

interface Check {
  readonly tasks: TaskRegistry;
  /** Lists of links that have been looked at. */
  readonly seen: Set<readonly Canvas[]>;
}
function checkNode(canvas: Canvas, check: Check, at: string): void {
  switch (canvas.kind) {
    case "task":
      if (check.tasks.info(canvas.task) === undefined)
        throw unknownTask(canvas.task, check.tasks, `${at}${canvas.each ? `/${canvas.each}` : ""}/task`);
      checkLinks(canvas, check, at);
      return;
    case "chunks":
      if (check.tasks.info(canvas.task) === undefined) throw unknownTask(canvas.task, check.tasks, `${at}/chunks/task`);
      checkLinks(canvas, check, at);
      return;
    case "when":
      checkNode(canvas.do, check, `${at}/when/do`);
      if (canvas.otherwise) checkNode(canvas.otherwise, check, `${at}/when/otherwise`);
      checkLinks(canvas, check, at);
      return;
    case "repeat":
      checkNode(canvas.body, check, `${at}/repeat/body`);
      checkLinks(canvas, check, at);
      return;
    case "wait":
      checkLinks(canvas, check, at);
      return;
    case "graph":
      canvas.nodes.forEach((node, index) => checkNode(node.do, check, jsonPointer(["graph", index, "do"], at)));
      checkLinks(canvas, check, at);
      return;
    case "chain":
      canvas.items.forEach((item, index) => checkNode(item, check, jsonPointer(["chain", index], at)));
      checkLinks(canvas, check, at);
      return;
    case "group":
      canvas.members.forEach((member, index) => checkNode(member, check, jsonPointer(["group", index], at)));
      return;
    case "chord":
      checkHeader(canvas.header.members, check, at);
      checkNode(canvas.body, check, `${at}/chord/body`);
      return;
    default:
      assertNever(canvas);
  }
}

function checkLinks({ link = [], linkError = [] }: Links, check: Check, at: string): void {
  for (const [key, list] of Object.entries({ link, link_error: linkError })) {
    if (list.length === 0 || check.seen.has(list)) continue;
    check.seen.add(list);
    list.forEach((each, index) => checkNode(each, check, `${at}/${key}/${index}`));
  }
}
function checkHeader(members: readonly Canvas[], check: Check, at: string): void {
  members.forEach((member, index) => checkNode(member, check, `${at}/chord/header/${index}`));
}

function unknownTask(name: string, tasks: TaskRegistry, field: string): FanfoldError {
  const suggestion = nearestName(name, tasks.names?.() ?? []);
  const hint = suggestion === undefined ? "no registered task has a similar name" : `did you mean ${suggestion}?`;
  return new FanfoldError("unknown_task", `no task is called ${name}; ${hint}`, {
    details: { field, ...(suggestion !== undefined && { suggestion }) },
  });
}
