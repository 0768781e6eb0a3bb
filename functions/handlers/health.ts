import type { Health } from "../api/dependencies.ts";
import { ENGINE_QUEUE } from "../core/names/queue-name.ts";
import { PortError, type Key } from "../engine/ports.ts";
import type { Platform } from "./open-function.ts";

/** Time for which an answer serves all callers of a process. Anybody may call, and each look is billed. */
const FRESH_MS = 10_000;
/** The key of no item. */
const NOBODY: Key = { table: "tasks", partition: "health", sort: "-" };

/**
 * Returns what a function can know of its deployment. It tries a write whose condition never holds, which the store
 * must take as any other and which changes nothing. Lambda starts workers by itself, so there are none to count. The
 * route is open, so only the engine's own queue is told.
 */
export function deploymentHealth({ store, queue }: Platform, now: () => number): () => Promise<Health> {
  let last: { readonly at: number; readonly health: Promise<Health> } | undefined;
  return () => {
    if (last === undefined || now() - last.at >= FRESH_MS) last = { at: now(), health: look({ store, queue }) };
    return last.health;
  };
}

async function look({ store, queue }: Pick<Platform, "store" | "queue">): Promise<Health> {
  const [writable, depth] = await Promise.all([
    store.write({ op: "remove", key: NOBODY, when: { op: "present" } }).then(() => true, refused),
    queue.depth(ENGINE_QUEUE),
  ]);
  return {
    store: writable ? { writable } : { writable, why: "the table cannot be reached, or refuses writes" },
    queues: depth === undefined ? {} : { [ENGINE_QUEUE]: depth },
  };
}
function refused(error: unknown): false {
  if (error instanceof PortError) return false;
  throw error;
}
