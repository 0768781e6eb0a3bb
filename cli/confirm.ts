import { createInterface } from "node:readline/promises";
import type { Context } from "./command.ts";

/** Asks a question on stderr, and returns whether the answer was yes. No answer means no. */
export async function confirm({ terminal, interrupted }: Context, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin });
  const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    terminal.draw(`${question} [y/N] `);
    const answer = await Promise.race([lines.question("", { signal: interrupted }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
