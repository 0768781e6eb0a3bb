import { assertNever } from "../../core/errors.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { leafOf } from "../../core/plan/ledger.ts";
import { type Band, MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import { jobIdOf, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type Place, placeOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import type { OutgoingMessage } from "../ports.ts";
import { type BulkPack, encodeMessage, type EngineMessage, type GeneralMessage } from "./wire.ts";

/** Sends messages to the engine's own queue. */
export async function sendControl(context: Context, ...messages: EngineMessage[]): Promise<void> {
  await context.queue.send(
    messages.map((message) => ({ queue: ENGINE_QUEUE, jobId: jobIdOf(message.gid), body: encodeMessage(message) })),
  );
}

/** Sends one message that belongs to no job to the engine's own queue. */
export async function sendGeneral(context: Context, message: GeneralMessage, delaySeconds = 0): Promise<void> {
  const jobId = fairnessGroupOf(message);
  const body = encodeMessage(message);
  await context.queue.send([{ queue: ENGINE_QUEUE, jobId, body, ...(delaySeconds > 0 && { delaySeconds }) }]);
}

function fairnessGroupOf(message: GeneralMessage): string {
  switch (message.kind) {
    case "schedule":
      return `schedule-${message.name}`;
    case "schedules":
      return "schedules";
    case "refresh":
      return `refresh-${message.task}`;
    case "drain":
      return `pause-${message.pause}`;
    case "dispatch":
      return "dispatch";
    default:
      return assertNever(message);
  }
}

/** Sends calls of a bulk task to its queue. */
export async function sendBulk(
  context: Context,
  { queue, task }: { readonly queue: string; readonly task: string },
  calls: readonly { readonly packs: readonly BulkPack[]; readonly band: Band; readonly jobId: string }[],
): Promise<void> {
  if (calls.length === 0) return;
  await context.queue.send(
    calls.map(({ packs, band, jobId }) => ({
      queue,
      jobId,
      body: encodeMessage({ kind: "bulk", task, packs }),
      ...(band !== MIDDLE_BAND && { band }),
    })),
  );
}
/** Asks for the end of a pass, once it may be over. */
export async function sendPass(
  context: Context,
  { queue, task, pass }: { readonly queue: string; readonly task: string; readonly pass: string },
  delaySeconds: number,
): Promise<void> {
  const body = encodeMessage({ kind: "pass", task, pass });
  await context.queue.send([{ queue, jobId: `pass-${task}`, body, ...(delaySeconds > 0 && { delaySeconds }) }]);
}

/** A run whose message is owed. */
export interface Owing extends RunRef, Turn {
  readonly queue: string;
  readonly delaySeconds: number;
  readonly band: Band;
}
/** The job in whose turn a message is served, where that is not the job of its group. */
export interface Turn {
  readonly jobId?: string;
}
/** A million identities are no million jobs, so each is served in the turn of the job that has begun it. */
export function turnOf({ asker }: Pick<Header, "asker">): Turn {
  return asker === undefined ? {} : { jobId: jobIdOf(asker) };
}
/** Sends the messages of identities. */
export async function sendIdentities(
  context: Context,
  identities: readonly (Place & { readonly header: Header })[],
): Promise<void> {
  await sendRuns(
    context,
    identities.map(({ header, queue, band }) => ({
      ...turnOf(header),
      gid: header.gid,
      index: 0,
      stepIndex: 0,
      queue,
      band,
      delaySeconds: 0,
    })),
    1,
  );
}
/** Sends the messages of runs. Runs of one leaf, step, queue, delay and band share messages. */
export async function sendRuns(context: Context, runs: readonly Owing[], membersPerMessage: number): Promise<void> {
  const packs = new Packs(context, membersPerMessage);
  for (const { gid, index, stepIndex, queue, delaySeconds, band, jobId } of runs)
    packs.add(gid, index, stepIndex, queue, delaySeconds, band, jobId);
  await packs.send();
}
interface Pack {
  readonly gid: string;
  readonly leaf: number;
  readonly step: number;
  readonly queue: string;
  readonly delaySeconds: number;
  readonly band: Band;
  readonly jobId: string | undefined;
  members: number[];
}
/** Collects runs whose messages are owed. Members of one leaf, step, queue, delay and band share a message. */
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
  add(gid: string, index: number, step: number, queue: string, delaySeconds: number, band: Band, jobId?: string): void {
    const leaf = leafOf(index, this.#context.config.width);
    const last = this.#last;
    // Most members go into the pack of the member before.
    const place = last && last.leaf === leaf && last.step === step && last.queue === queue && last.gid === gid;
    const pack =
      place && last.delaySeconds === delaySeconds && last.band === band
        ? last
        : this.#packOf({ gid, leaf, step, queue, delaySeconds, band, jobId });
    this.#last = pack;
    pack.members.push(index);
    if (pack.members.length >= this.#membersPerMessage) this.#close(pack);
  }
  /** Sends the messages, and returns how many there were. */
  async send(): Promise<number> {
    for (const pack of this.#open.values()) if (pack.members.length > 0) this.#close(pack);
    if (this.#messages.length > 0) await this.#context.queue.send(this.#messages);
    return this.#messages.length;
  }

  #packOf(like: Omit<Pack, "members">): Pack {
    const { gid, leaf, step, queue, delaySeconds, band } = like;
    const key = `${gid}|${leaf}|${step}|${queue}|${delaySeconds}|${band}`;
    let pack = this.#open.get(key);
    if (!pack) this.#open.set(key, (pack = { ...like, members: [] }));
    return pack;
  }
  #close(pack: Pack): void {
    const { gid, step, queue, delaySeconds, band, jobId = jobIdOf(gid), members } = pack;
    pack.members = [];
    const most = this.#context.queue.maxDelaySeconds;
    this.#messages.push({
      queue,
      jobId,
      body: encodeMessage({ kind: "members", gid, step, members }),
      ...(delaySeconds > 0 && { delaySeconds: Math.min(Math.ceil(delaySeconds), most) }),
      ...(band !== MIDDLE_BAND && { band }),
    });
  }
}
/** Sends the message of one run to the queue of its step. */
export async function sendRun(context: Context, header: Header, run: Run, delaySeconds: number): Promise<void> {
  const { strand } = await strandOf(context, header, run);
  const step = strand[run.stepIndex];
  if (step)
    await sendRuns(
      context,
      [
        {
          gid: run.gid,
          index: run.index,
          stepIndex: run.stepIndex,
          ...placeOf(context, step),
          ...turnOf(header),
          delaySeconds,
        },
      ],
      1,
    );
}
