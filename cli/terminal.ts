import { once } from "node:events";
import { styleText } from "node:util";
import { EXIT } from "./exit-codes.ts";

export type Style = Parameters<typeof styleText>[0];
/** Colours text, or returns it as it is. */
export type Paint = (style: Style, text: string) => string;
export const plain: Paint = (_style, text) => text;

/** Where a command writes: results to stdout, and its progress to stderr. */
export interface Terminal {
  /** `true` when the user asked for JSON. Then stdout carries nothing else. */
  readonly json: boolean;
  /** Colours text for stdout, and `paintStatus` colours text for stderr. */
  readonly paint: Paint;
  readonly paintStatus: Paint;
  /** `true` when stderr is a terminal, where a line can be drawn again. */
  readonly live: boolean;
  columns(): number;
  /** Returns undefined when stdout is no screen. */
  rows(): number | undefined;
  /** Writes to stdout, and waits for a slow reader. */
  print(text: string): Promise<void>;
  printJson(value: unknown): Promise<void>;
  /** Writes a line to stderr. */
  say(text: string): void;
  /** Writes raw text to stderr. */
  draw(text: string): void;
}

const DEFAULT_COLUMNS = 100;

export function openTerminal(options: { readonly json: boolean }): Terminal {
  const { stdout, stderr } = process;
  const print = async (text: string): Promise<void> => {
    if (!stdout.write(text)) await once(stdout, "drain");
  };
  return {
    json: options.json,
    paint: paintFor(stdout),
    paintStatus: paintFor(stderr),
    live: stderr.isTTY,
    columns: () => stderr.columns || stdout.columns || DEFAULT_COLUMNS,
    rows: () => (stdout.isTTY ? stdout.rows : undefined),
    print,
    printJson: (value) => print(`${JSON.stringify(value)}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    draw: (text) => void stderr.write(text),
  };
}

/** Returns the colours of a stream. NO_COLOR, when set and not empty, means no colour (https://no-color.org). */
function paintFor(stream: NodeJS.WriteStream): Paint {
  const wanted = stream.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return wanted ? (style, text) => styleText(style, text, { validateStream: false }) : plain;
}

/**
 * Ends the process when its output cannot be written: quietly when no reader is left, as with `fanfold results ID | head`,
 * and with a reason when its disk is full. What cannot be written to stderr is dropped, so a full log ends no server.
 */
export function endOnUnwritableOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.success);
    process.stderr.write(`error the output could not be written: ${error.message}\n  (${codeOf(error)})\n`);
    process.exit(EXIT.failure);
  });
  process.stderr.on("error", () => undefined);
}
function codeOf(error: NodeJS.ErrnoException): string {
  return error.code === "ENOSPC" || error.code === "EDQUOT" ? "disk_full" : "internal";
}
