import { LIMITS } from "../limits.ts";

// Names are parts of ids, sort keys, log lines and shell commands. Characters that would break one of those are refused
// here.
const NAME = /^[^\s\p{Cc}\p{Cs}]+$/u;

/** Returns what is wrong with the name of a task or workflow. Returns undefined for a valid name. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "must be a string";
  if (name === "") return "must not be empty";
  if (name.length > LIMITS.nameCharacters)
    return `must have at most ${LIMITS.nameCharacters} characters, not ${name.length}`;
  if (!NAME.test(name)) return "must not contain white space or control characters";
  return undefined;
}
