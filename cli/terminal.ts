import { once } from "node:events";
import { styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];
/** Colours text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;
export const plain: Paint = (_style, text) => text;

/** Where a command writes: results to stdout, everything about its progress to stderr. */
export interface Terminal {
  /** A command is asked for JSON: stdout carries nothing else. */
  readonly json: boolean;
  /** For text on stdout, and for text on stderr. */
  readonly paint: Paint;
  readonly paintStatus: Paint;
  /** stderr is a terminal: a line can be drawn again. */
  readonly live: boolean;
  columns(): number;
  /** undefined: stdout is no screen. */
  rows(): number | undefined;
  /** Waits for a slow reader. */
  print(text: string): Promise<void>;
  printJson(value: unknown): Promise<void>;
  /** A line on stderr. */
  say(text: string): void;
  /** Raw text on stderr. */
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

/** https://no-color.org: set and not empty means no colour. */
function paintFor(stream: NodeJS.WriteStream): Paint {
  const wanted = stream.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return wanted ? (style, text) => styleText(style, text, { validateStream: false }) : plain;
}

/** `fanfold results ID | head` closes our stdout: then there is nobody left to write for. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}
