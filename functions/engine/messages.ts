import type { Json } from "../core/json.ts";
import { leafOf } from "../core/ledger.ts";
import { ENGINE_QUEUE } from "../core/queue-name.ts";
import { jobIdOf, type RunRef } from "../core/run-id.ts";
import type { Context } from "./context.ts";
import type { Header, Run } from "./item-kinds.ts";
import { queueOf } from "./plan/step-placement.ts";
import { strandOf } from "./plan/strands.ts";
import type { OutgoingMessage } from "./ports.ts";

/**
 * Wire form of messages. A member message names members of ONE ledger leaf and one step, so that their marks become one write. Rows and headers
 * tell the round; only control messages that decide carry it.
 */
const MESSAGE_VERSION = 1;
export type EngineMessage =
  | { readonly kind: "members"; readonly gid: string; readonly step: number; readonly members: readonly number[] }
  | { readonly kind: "expand"; readonly gid: string; readonly from: number; readonly to: number }
  | { readonly kind: "settle"; readonly gid: string }
  | { readonly kind: "answered"; readonly gid: string }
  | { readonly kind: "execution"; readonly gid: string }
  | { readonly kind: "cancel"; readonly gid: string; readonly round: number }
  | { readonly kind: "revoke"; readonly gid: string; readonly index: number }
  /** Walks the runs of a job, behind this one. */
  | { readonly kind: "revokeStamped"; readonly gid: string; readonly after?: string }
  | { readonly kind: "sweep"; readonly gid: string; readonly fromLeaf: number };
/** From outside, where no group is known: the platform says that an execution has ended. Its wire form is in infra/constructs/execution-events.ts, too. */
export interface ExecutionEnded {
  readonly kind: "executionEnded";
  readonly execution: string;
}

function encodeMessage(message: EngineMessage): Json {
  return { v: MESSAGE_VERSION, ...message } as Json;
}
/** undefined: not a message of this engine, or of a version it does not know. */
export function decodeMessage(body: Json): EngineMessage | ExecutionEnded | undefined {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return undefined;
  const message = body as { readonly [key: string]: Json };
  if (message["v"] === MESSAGE_VERSION && message["kind"] === "executionEnded" && typeof message["execution"] === "string")
    return { kind: "executionEnded", execution: message["execution"] };
  if (message["v"] !== MESSAGE_VERSION || typeof message["gid"] !== "string" || message["gid"].length === 0) return undefined;
  const whole = (...names: string[]): boolean => names.every((name) => Number.isSafeInteger(message[name]) && (message[name] as number) >= 0);
  switch (message["kind"]) {
    case "members": {
      const members = message["members"];
      const sound =
        whole("step") && Array.isArray(members) && members.length > 0 && members.every((index) => Number.isSafeInteger(index) && (index as number) >= 0);
      return sound ? (message as unknown as EngineMessage) : undefined;
    }
    case "expand":
      return whole("from", "to") ? (message as unknown as EngineMessage) : undefined;
    case "settle":
    case "answered":
    case "execution":
      return message as unknown as EngineMessage;
    case "cancel":
      return whole("round") ? (message as unknown as EngineMessage) : undefined;
    case "revoke":
      return whole("index") ? (message as unknown as EngineMessage) : undefined;
    case "revokeStamped":
      return message["after"] === undefined || typeof message["after"] === "string" ? (message as unknown as EngineMessage) : undefined;
    case "sweep":
      return whole("fromLeaf") ? (message as unknown as EngineMessage) : undefined;
    default:
      return undefined;
  }
}

export async function sendControl(context: Context, ...messages: EngineMessage[]): Promise<void> {
  await context.queue.send(messages.map((message) => ({ queue: ENGINE_QUEUE, jobId: jobIdOf(message.gid), body: encodeMessage(message) })));
}

/** A run whose message is owed. */
export interface Owing extends RunRef {
  readonly queue: string;
  readonly delaySeconds: number;
}
/** Sends them, packed. */
export async function sendRuns(context: Context, runs: readonly Owing[], membersPerMessage: number): Promise<void> {
  const packs = new Packs(context, membersPerMessage);
  for (const { gid, index, step, queue, delaySeconds } of runs) packs.add(gid, index, step, queue, delaySeconds);
  await packs.send();
}
interface Pack {
  readonly gid: string;
  readonly leaf: number;
  readonly step: number;
  readonly queue: string;
  readonly delaySeconds: number;
  members: number[];
}
/** Runs whose messages are owed: members of one leaf, step, queue and delay share one. */
export class Packs {
  readonly #context: Context;
  readonly #membersPerMessage: number;
  readonly #messages: OutgoingMessage[] = [];
  readonly #open = new Map<string, Pack>();
  #last: Pack | undefined;

  constructor(context: Context, membersPerMessage: number) {
    this.#context = context;
    this.#membersPerMessage = membersPerMessage;
  }
  add(gid: string, index: number, step: number, queue: string, delaySeconds: number): void {
    const leaf = leafOf(index, this.#context.config.width);
    const last = this.#last;
    // Most go where the one before went.
    const same = last && last.leaf === leaf && last.step === step && last.delaySeconds === delaySeconds && last.queue === queue && last.gid === gid;
    const pack = same ? last : this.#packOf(gid, leaf, step, queue, delaySeconds);
    this.#last = pack;
    pack.members.push(index);
    if (pack.members.length >= this.#membersPerMessage) this.#close(pack);
  }
  async send(): Promise<void> {
    for (const pack of this.#open.values()) if (pack.members.length > 0) this.#close(pack);
    if (this.#messages.length > 0) await this.#context.queue.send(this.#messages);
  }

  #packOf(gid: string, leaf: number, step: number, queue: string, delaySeconds: number): Pack {
    const key = `${gid}|${leaf}|${step}|${queue}|${delaySeconds}`;
    let pack = this.#open.get(key);
    if (!pack) this.#open.set(key, (pack = { gid, leaf, step, queue, delaySeconds, members: [] }));
    return pack;
  }
  #close(pack: Pack): void {
    const { gid, step, queue, delaySeconds, members } = pack;
    pack.members = [];
    const message = { queue, jobId: jobIdOf(gid), body: encodeMessage({ kind: "members", gid, step, members }) };
    const most = this.#context.queue.maxDelaySeconds;
    this.#messages.push(delaySeconds > 0 ? { ...message, delaySeconds: Math.min(Math.ceil(delaySeconds), most) } : message);
  }
}
/** The message of one run. */
export async function sendRun(context: Context, header: Header, run: Run, delaySeconds: number): Promise<void> {
  const { strand } = await strandOf(context, header, run);
  const step = strand[run.step];
  if (step) await sendRuns(context, [{ gid: run.gid, index: run.index, step: run.step, queue: queueOf(context, step), delaySeconds }], 1);
}
