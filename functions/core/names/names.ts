import { LIMITS } from "../limits.ts";

// Names are parts of ids, sort keys, log lines and shell commands: what breaks any of those is refused here, once.
const NAME = /^[^\s\p{Cc}\p{Cs}]+$/u;

/** What is wrong with the name of a task or workflow; undefined: nothing. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "must be a string";
  if (name === "") return "must not be empty";
  if (name.length > LIMITS.nameCharacters) return `must have at most ${LIMITS.nameCharacters} characters, not ${name.length}`;
  if (!NAME.test(name)) return "must not contain white space or control characters";
  return undefined;
}
