import { FanfoldError } from "../functions/core/errors.ts";
import { EXIT } from "./exit-codes.ts";
import { oneLine } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** Codes of wrong calls, which would fail again when repeated. */
const USAGE = new Set([
  "invalid_request",
  "invalid_json",
  "invalid_canvas",
  "invalid_parameters",
  "invalid_queue_name",
  "invalid_configuration",
  "missing_environment",
  "invalid_tasks",
  "unknown_queue",
  "unknown_task",
  "unknown_workflow",
  "too_deep",
]);
const MESSAGE_CHARACTERS = 2_000;

/**
 * Reports what went wrong, where, and what to do next. People read it on stderr; with --json a document is printed on
 * stdout too. Returns the exit code.
 */
export async function reportError(thrown: unknown, terminal: Terminal): Promise<number> {
  const { code, message, field, suggestion } = describe(thrown);
  const place = field === undefined || message.includes(field) ? "" : `\n  in: ${oneLine(field, 300)}`;
  const hint = suggestion === undefined || message.includes(suggestion) ? "" : `\n  did you mean ${suggestion}?`;
  terminal.say(
    `${terminal.paintStatus("red", "error")} ${oneLine(message, MESSAGE_CHARACTERS)}${place}${hint}\n  (${code})`,
  );
  if (!(thrown instanceof FanfoldError) && thrown instanceof Error && thrown.stack !== undefined)
    terminal.say(thrown.stack);
  if (terminal.json) await terminal.printJson({ error: { code, message, ...(field !== undefined && { field }) } });
  return USAGE.has(code) ? EXIT.usage : EXIT.failure;
}

function describe(thrown: unknown): { code: string; message: string; field?: string; suggestion?: string } {
  if (!(thrown instanceof FanfoldError))
    return { code: "internal", message: thrown instanceof Error ? thrown.message : String(thrown) };
  const { field, suggestion } = thrown.details;
  return {
    code: thrown.code,
    message: thrown.message,
    ...(typeof field === "string" && field !== "" && { field }),
    ...(typeof suggestion === "string" && { suggestion }),
  };
}
