import type { WritePart } from "../../functions/core/cost/work-count.ts";
import type { WriteOp } from "../../functions/core/items/item.ts";
import type { LocalEngine } from "./local-engine.ts";

/** Totals of what passed through the ports of an engine. */
export interface Counted {
  /** Write units by part. */
  readonly writes: { [part in WritePart]: number };
  readonly messages: { [queue: string]: number };
  /** Calls of the queue, with ten messages each. */
  send: number;
  blobs: number;
}
/**
 * The part of an item of the tasks table, by the first letters of its partition; see functions/engine/item-kinds.ts.
 */
const PART_OF_TASKS: Readonly<Record<string, WritePart>> = {
  G: "rows",
  N: "plan",
  J: "jobs",
  JS: "jobs",
  V: "jobs",
  D: "rows",
  FX: "jobs",
  P: "jobs",
  T: "jobs",
  E: "jobs",
  W: "jobs",
  U: "jobs",
  DE: "rows",
  DN: "jobs",
  IT: "jobs",
  IB: "jobs",
  TV: "jobs",
  LC: "rows",
  LQ: "rows",
  LR: "rows",
  LD: "jobs",
  SC: "jobs",
  PZ: "jobs",
  B: "jobs",
  BQ: "jobs",
  BD: "jobs",
  ST: "jobs",
  SQ: "jobs",
};

/** Counts from now on. Reads and refusals are in the store's own statistics. */
export function countPorts({ store, queue, blobs }: LocalEngine): Counted {
  const counted: Counted = {
    writes: { rows: 0, ledger: 0, headers: 0, plan: 0, jobs: 0 },
    messages: {},
    send: 0,
    blobs: 0,
  };
  const write = store.write.bind(store);
  store.write = async (op) => {
    const result = await write(op);
    counted.writes[partOf(op)] += result.units;
    return result;
  };
  store.writeMany = (ops) => Promise.all(ops.map((op) => store.write(op)));
  const send = queue.send.bind(queue);
  queue.send = (messages) => {
    const sent: Record<string, number> = {};
    for (const message of messages) sent[message.queue] = (sent[message.queue] ?? 0) + 1;
    for (const [name, count] of Object.entries(sent)) {
      counted.messages[name] = (counted.messages[name] ?? 0) + count;
      counted.send += Math.ceil(count / 10);
    }
    return send(messages);
  };
  const put = blobs.put.bind(blobs);
  blobs.put = (name, content) => {
    counted.blobs++;
    return put(name, content);
  };
  return counted;
}
function partOf({ key }: WriteOp): WritePart {
  const [kind = ""] = key.partition.split("#", 1);
  if (key.table === "callbacks") return kind === "L" ? "ledger" : "headers";
  const part = PART_OF_TASKS[kind];
  if (!part) throw new Error(`what part of the engine writes ${key.partition}?`);
  return part;
}
