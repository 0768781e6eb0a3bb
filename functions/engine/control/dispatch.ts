import type { JsonObject } from "../../core/json.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import { pauseText } from "../../core/pause.ts";
import { leafOf } from "../../core/plan/ledger.ts";
import type { Band } from "../../core/plan/priority-band.ts";
import type { Context } from "../context.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { readGate } from "../groups/gate.ts";
import type { Header } from "../item-kinds.ts";
import { type BacklogEntry, changeEntry, hasBacklog } from "../items/backlog-items.ts";
import { becomeDispatcher, type HeldDispatcher, leaveDispatcher, queryDispatchers } from "../items/dispatcher-items.ts";
import { removeHeld } from "../items/held-messages.ts";
import { isPaused } from "../items/pause-items.ts";
import { Packs, sendGeneral, turnOf } from "../messages/send.ts";
import { type DispatchBacklog, encodeMessage } from "../messages/wire.ts";
import { packSize } from "../plan/step-placement.ts";
import { type Disposition, PortError } from "../ports.ts";
import { askDispatcher, capOf, heldIn } from "../admission/backlog.ts";
import { parsePool, type Pool } from "../admission/bulk-pool.ts";
import { BacklogTurns } from "../admission/turns.ts";
import { cutPool } from "./cut-pool.ts";

/** Turns of one message of the engine's queue. */
const TURNS_PER_PASS = 64;
/** Messages of this band may go beyond the cap, by one turn. So what is urgent does not wait until its queue has room. */
const URGENT: Band = 2;

/** How a pass ended. `held`: a pause holds all that is left. `full`: the queue has no room, or nobody knows. */
type Left = "none" | "held" | "full" | "more";
/** Looks per look of a queue with room, while a pause holds all that is left. */
const HELD_FACTOR = 10;

/**
 * Admits what waits in the backlog of a queue, up to its cap. One process does so at a time, under a lease. As long as
 * something is left, it sends a message to itself, of which there is one at a time.
 */
export async function dispatch(context: Context, message: DispatchBacklog, again: boolean): Promise<Disposition> {
  // A message that had to wait for another dispatcher mostly finds that all was done.
  if (again && message.next === undefined && !(await hasBacklog(context, message.queue))) return { kind: "done" };
  const became = await becomeDispatcher(context, message.queue);
  if ("until" in became) {
    // That one may have looked already, or be dead, with its message acknowledged by another delivery. So ask again.
    const ms = again ? became.until - context.clock.now() : context.config.dispatchMs;
    return { kind: "later", delaySeconds: Math.max(1, Math.ceil(ms / 1_000)) };
  }
  const { held } = became;
  const recent = new RecentSends(context, held.recent);
  const pool = parsePool(message.queue);
  const { left, turns, ms } = pool ? await cut(context, pool, held, recent) : await admitNow(context, held, recent);
  const next = left === "none" ? afterAll(context, held, message) : await lookAgain(context, held, message, left, ms);
  await leaveDispatcher(context, held, { turns, recent: recent.stored, ...next });
  return { kind: "done" };
}
/** What a look has left, what the next one must know, and when that comes, unless the state of the queue says so. */
interface Looked {
  readonly left: Left;
  readonly turns: JsonObject;
  readonly ms?: number;
}
async function admitNow(context: Context, held: HeldDispatcher, recent: RecentSends): Promise<Looked> {
  const turns = new BacklogTurns(context, held.queue, held.turns);
  const left = await admit(context, held.queue, turns, recent, held.leaseUntil);
  return { left, turns: turns.stored };
}
/** Cuts calls of what waits in a pool, unless a pause holds it all, or its queue has no room. */
async function cut(context: Context, pool: Pool, held: HeldDispatcher, recent: RecentSends): Promise<Looked> {
  const turns = held.turns ?? {};
  if ((await isQueuePaused(context, pool.queue)) || (await isTaskPaused(context, pool.task)))
    return { left: (await hasBacklog(context, pool.name)) ? "held" : "none", turns };
  const cap = capOf(context, pool.queue);
  const depth = cap === undefined ? 0 : await depthOf(context, pool.queue);
  const room = depth === undefined ? 0 : (cap ?? Number.POSITIVE_INFINITY) - depth - recent.count;
  const { sent, waits, ...looked } = await cutPool(context, pool, turns, room);
  recent.add(sent);
  if (waits !== "none") return { left: waits === "others" ? "full" : waits, ...looked };
  return { left: "none", ...looked };
}
/** Returns the next look when nothing is left: none, unless its message is on its way. */
function afterAll(context: Context, held: HeldDispatcher, message: DispatchBacklog): NextLook {
  return isNextLook(context, held, message) ? {} : lookOf(held);
}
type NextLook = Pick<HeldDispatcher, "next" | "nextAt">;
const lookOf = ({ next, nextAt }: NextLook): NextLook =>
  next === undefined || nextAt === undefined ? {} : { next, nextAt };
/** Whether no other message is on its way by which the dispatcher looks again. One that is due may wait for this look. */
function isNextLook(context: Context, { next, nextAt = 0 }: HeldDispatcher, message: DispatchBacklog): boolean {
  return next === undefined || next === message.next || nextAt <= context.clock.now();
}
/** Sends the message of the next look, unless it is on its way. It goes out before the present look is over. */
async function lookAgain(
  context: Context,
  held: HeldDispatcher,
  message: DispatchBacklog,
  left: Left,
  after?: number,
): Promise<NextLook> {
  if (!isNextLook(context, held, message)) return lookOf(held);
  const ms = after ?? (left === "more" ? 0 : context.config.dispatchMs * (left === "held" ? HELD_FACTOR : 1));
  const next = context.ids.token();
  await sendGeneral(context, { kind: "dispatch", queue: message.queue, next }, ms / 1_000);
  return { next, nextAt: context.clock.now() + ms };
}

/** Admits until the queue is full, nothing is left, or the pass is long enough. Never begins a turn after its lease. */
async function admit(
  context: Context,
  queue: string,
  turns: BacklogTurns,
  recent: RecentSends,
  leaseUntil: number,
): Promise<Left> {
  if (!(await turns.begin())) return "none";
  if (await isQueuePaused(context, queue)) return "held";
  const depth = await depthOf(context, queue);
  if (depth === undefined) return "full";
  const { messagesPerTurn } = context.config;
  let room = (capOf(context, queue) ?? Number.POSITIVE_INFINITY) - depth - recent.count;
  for (let taken = 0; taken < TURNS_PER_PASS && context.clock.now() < leaseUntil;) {
    const served = await turns.next();
    if (!served) return turns.holds ? "held" : "none";
    const beyond = turns.waits(URGENT) ? messagesPerTurn : 0;
    const most = Math.min(room + beyond, messagesPerTurn);
    if (most <= 0) return "full";
    const sent = await takeTurn(context, served.entry, most);
    if (sent === "paused") turns.hold(served.entry);
    else if (sent > 0) {
      served.take();
      taken++;
      room -= sent;
      recent.add(sent);
    }
  }
  return "more";
}
/** Returns the messages of a queue that count against its cap. Undefined when nobody knows: nothing is admitted then. */
async function depthOf(context: Context, queue: string): Promise<number | undefined> {
  try {
    const depth = await context.queue.depth(queue);
    // Delayed messages are those of runs that wait for a time. They need no worker now.
    return depth && depth.ready + depth.inFlight;
  } catch (error) {
    if (error instanceof PortError) return undefined;
    throw error;
  }
}
async function isQueuePaused(context: Context, queue: string): Promise<boolean> {
  const pauses = await context.pauses.list();
  const { site } = parseQueueName(queue, { site: context.config.site });
  return pauses.has(pauseText({ kind: "queue", name: queue })) || pauses.has(pauseText({ kind: "site", name: site }));
}

async function isTaskPaused(context: Context, task: string): Promise<boolean> {
  return (await context.pauses.list()).has(pauseText({ kind: "task", name: task }));
}

/**
 * Sends up to so many messages of an entry, then shortens or removes it unless somebody has changed it. A death in
 * between sends them twice instead of never. Returns how many were sent. What belongs to a decided group is removed.
 */
async function takeTurn(context: Context, entry: BacklogEntry, most: number): Promise<number | "paused"> {
  const held = heldIn(entry);
  const gate = await readGate(context, held.gid);
  if (gate.kind !== "go") {
    await removeHeld(context, [entry]);
    return 0;
  }
  const { header } = gate;
  if (isPaused(header)) return "paused";
  return held.kind === "expand" ? takeRange(context, header, entry, most) : takeMembers(context, header, entry, most);
}
async function takeRange(context: Context, header: Header, entry: BacklogEntry, most: number): Promise<number> {
  const { gid, from, to: last } = heldIn(entry) as Extract<ReturnType<typeof heldIn>, { kind: "expand" }>;
  const to = Math.min(last, header.memberCount ?? 0);
  const end = endOfTurn(context, header, from, to, most);
  const { messages, members } = await expandMembers(context, header, from, end, { admit: entry });
  if (end >= to) await removeHeld(context, [entry]);
  else {
    const body = encodeMessage({ kind: "expand", gid, from: end, to });
    await changeEntry(context, entry, { body, members: Math.max(1, entry.members - members) });
  }
  return messages;
}
/** Returns how far so many messages reach. A message names members of one leaf. */
function endOfTurn(context: Context, header: Header, from: number, to: number, messages: number): number {
  const { width } = context.config;
  const pack = packSize(context, header.memberCount ?? 1);
  let end = from;
  for (let left = messages; left > 0 && end < to; left--)
    end = Math.min(end + pack, (leafOf(end, width) + 1) * width, to);
  return end;
}
async function takeMembers(context: Context, header: Header, entry: BacklogEntry, most: number): Promise<number> {
  const { gid, step, members } = heldIn(entry) as Extract<ReturnType<typeof heldIn>, { kind: "members" }>;
  const pack = packSize(context, header.memberCount ?? 1);
  const packs = new Packs(context, pack);
  const [now, rest] = [members.slice(0, most * pack), members.slice(most * pack)];
  for (const index of now) packs.add(gid, index, step, entry.queue, 0, entry.band, turnOf(header).jobId);
  const sent = await packs.send();
  if (rest.length === 0) await removeHeld(context, [entry]);
  else {
    const body = encodeMessage({ kind: "members", gid, step, members: rest });
    await changeEntry(context, entry, { body, members: rest.length });
  }
  return sent;
}

/**
 * Counts what was sent so shortly before that the depth of the queue may not tell it yet. A queue whose depth is exact
 * needs no such count.
 */
class RecentSends {
  readonly #windowMs: number;
  readonly #now: () => number;
  #window: number;
  #sent: number;
  #before: number;

  constructor({ queue, clock }: Pick<Context, "queue" | "clock">, stored: JsonObject = {}) {
    this.#windowMs = (queue.depthLagSeconds ?? 0) * 1_000;
    this.#now = () => clock.now();
    const { window = 0, sent = 0, before = 0 } = stored as { window?: number; sent?: number; before?: number };
    [this.#window, this.#sent, this.#before] = [window, sent, before];
  }
  get stored(): JsonObject | undefined {
    if (this.#windowMs === 0) return undefined;
    return { window: this.#window, sent: this.#sent, before: this.#before };
  }
  /** What was sent in this window of time and the one before. */
  get count(): number {
    if (this.#windowMs === 0) return 0;
    this.#move();
    return this.#sent + this.#before;
  }
  add(sent: number): void {
    if (this.#windowMs === 0) return;
    this.#move();
    this.#sent += sent;
  }
  #move(): void {
    const window = Math.floor(this.#now() / this.#windowMs);
    if (window === this.#window) return;
    this.#before = window === this.#window + 1 ? this.#sent : 0;
    this.#sent = 0;
    this.#window = window;
  }
}

/**
 * Asks the dispatchers of all queues that have a backlog, once in each sweep: a message of theirs may be lost. One read
 * when no queue has a cap, or ever had one.
 */
export async function sweepBacklogs(context: Context): Promise<void> {
  const known = (await queryDispatchers(context)).map(({ queue }) => queue);
  for (const queue of new Set([...known, ...Object.keys(context.config.caps ?? {})]))
    if (await hasBacklog(context, queue)) await askDispatcher(context, [queue]);
}
