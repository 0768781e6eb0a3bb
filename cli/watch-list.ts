import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { Context } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { cut } from "./format.ts";
import { interruptedCode } from "./interrupt.ts";
import type { Terminal } from "./terminal.ts";

/** What a list shows at one time. */
export interface Listed {
  /** Values of `--json`, one a line. */
  readonly json: readonly unknown[];
  readonly lines: readonly string[];
  /** What is said beside the list on stderr, when it is printed once. */
  readonly notes?: readonly string[];
}
export interface WatchOptions {
  readonly watch: boolean;
}
const EVERY_MS = 1_000;
/** Of a screen that does not tell how high it is. */
const ROWS = 24;

/** Adds `--watch` to a command that lists. */
export function withWatch(command: Command): Command {
  return command.option("--watch", "read again every second; in a terminal, draw the list anew", false);
}
/**
 * Prints what `read` returns. With `--watch` it reads every second until the user interrupts: a terminal is drawn anew,
 * and JSON goes on line by line. Where nothing can be drawn anew, the list is printed once.
 */
export async function printList(
  { terminal, interrupted }: Context,
  { watch }: WatchOptions,
  read: () => Promise<Listed>,
): Promise<number> {
  if (!watch || (!terminal.json && terminal.rows() === undefined)) {
    await printOnce(terminal, await read());
    return EXIT.success;
  }
  let drawn = 0;
  while (!interrupted.aborted) {
    const listed = await read();
    if (terminal.json) for (const value of listed.json) await terminal.printJson(value);
    else drawn = await drawAgain(terminal, listed.lines.length > 0 ? listed.lines : (listed.notes ?? []), drawn);
    await pause(EVERY_MS, undefined, { signal: interrupted }).catch(() => undefined);
  }
  return interruptedCode(interrupted);
}
async function printOnce(terminal: Terminal, { json, lines, notes = [] }: Listed): Promise<void> {
  if (terminal.json) for (const value of json) await terminal.printJson(value);
  else {
    if (lines.length > 0) await terminal.print(`${lines.join("\n")}\n`);
    for (const note of notes) terminal.say(note);
  }
}
/** Draws lines over those of before, and returns how many there are. What does not fit on the screen is left out. */
async function drawAgain(terminal: Terminal, lines: readonly string[], before: number): Promise<number> {
  const room = (terminal.rows() || ROWS) - 1;
  const width = terminal.columns();
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`] : lines;
  const up = before > 0 ? `\u001b[${before}A` : "";
  await terminal.print(`${up}\r\u001b[J${shown.map((line) => `${cut(line, width)}\n`).join("")}`);
  return shown.length;
}
