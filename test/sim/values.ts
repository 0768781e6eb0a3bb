import { canonicalJson, type Json } from "../../functions/core/json.ts";
import type { Script } from "./script.ts";

/** Returns the value of a script's run. It depends on the label and on all input, so a wrong input shows in the end. */
export function valueOf(script: Script, args: readonly Json[], told: readonly string[] = []): Json {
  const value = `${script.label}(${shortHash(canonicalJson([...args, ...told]))})`;
  return script.big ? `${value}${"x".repeat(5_000)}` : value;
}
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
}
/** The value of an event, and the text that a run which waited for it puts into its own value. */
export const eventValue = (name: string): string => `event ${name}`;
export const toldAs = (name: string, kind: "sent" | "over"): string => `${name} ${kind}`;
/** Returns a task's input without the parts that its value must not depend on: ids of groups and texts of errors. */
export function normalised(json: Json): Json {
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return (json as readonly Json[]).map(normalised);
  if ("$error" in json) return { $error: true };
  return withoutGroup(json);
}
export function withoutGroup(json: Json): Json {
  if (json === null || typeof json !== "object" || !("group" in json)) return json;
  const { group: _id, ...rest } = json;
  return rest;
}
