import type { Json } from "../../core/json.ts";
import type { DeadLetterReason } from "../../core/task/dead-letter.ts";
import type { Context } from "../context.ts";
import { attributesOf, pad, taskKey, ITEM_VERSION, type Owned, type RunError } from "../item-kinds.ts";
import type { Item, Key } from "../ports.ts";
import { present } from "./conditions.ts";

const DEAD_LETTERS = "DL";
const deadLetterKey = (id: string): Key => taskKey(DEAD_LETTERS, id);
/** Ids of dead letters are ordered by the time at which their messages were given up. */
const deadLetterId = (at: number, hash: string): string => `${pad(at, 14)}-${hash}`;

/**
 * A message that was given up. It belongs to no job, because not every such message can be read. Its message is kept
 * whole, so it can be sent again.
 */
export interface DeadLetterAttributes extends Omit<Owned, "jobId"> {
  readonly at: number;
  /** Text form of the queue that it came from and goes back to. The name of an SQS queue when that is unknown. */
  readonly queue: string;
  readonly reason: DeadLetterReason;
  readonly error?: RunError;
  readonly body: Json;
  /** How often it had been sent again before. */
  readonly redrives: number;
  /** What the message says, when it can be read. `about` is the group or the execution that it is about. */
  readonly kind?: string;
  readonly about?: string;
  /** The task of the runs that the message names. */
  readonly task?: string;
  /** Set only when the run was ended as broken. */
  readonly runId?: string;
}
export interface DeadLetter extends DeadLetterAttributes {
  readonly id: string;
}
export const isDeadLetterId = (text: string): boolean => /^[0-9]{14}-[0-9a-zA-Z]{1,64}$/.test(text);
const asDeadLetter = (item: Item): DeadLetter => ({ id: item.key.sort, ...item.attributes }) as unknown as DeadLetter;

/** As long as SQS keeps a message at most. */
const RETENTION_SECONDS = 14 * 86_400;
/**
 * Puts a dead letter. One write of the size of the message. A caller that dies before it acknowledges the message puts
 * another letter when the message is delivered again, which does no harm.
 */
export async function putDeadLetter(
  context: Context,
  letter: Omit<DeadLetterAttributes, "v" | "ttl" | "at">,
): Promise<void> {
  const at = context.clock.now();
  const attributes: DeadLetterAttributes = {
    v: ITEM_VERSION,
    ttl: Math.ceil(at / 1_000) + RETENTION_SECONDS,
    at,
    ...letter,
  };
  const hash = context.ids.hash(JSON.stringify([letter.queue, letter.body])).slice(0, 16);
  await context.store.write({
    op: "put",
    key: deadLetterKey(deadLetterId(at, hash)),
    attributes: attributesOf(attributes),
  });
}
/** Reads a dead letter. Callers may name anything; what cannot be an id need not fit into a key. */
export async function readDeadLetter(context: Context, id: string): Promise<DeadLetter | undefined> {
  if (!isDeadLetterId(id)) return undefined;
  const item = await context.store.get(deadLetterKey(id), { consistent: true });
  return item && asDeadLetter(item);
}
export async function removeDeadLetters(context: Context, letters: readonly DeadLetter[]): Promise<void> {
  await context.store.writeMany(letters.map(({ id }) => ({ op: "remove", key: deadLetterKey(id), when: present() })));
}
/** Reads a page of dead letters, the newest first. */
export async function queryDeadLetters(
  context: Context,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly cursor?: string }> {
  const page = await context.store.query("tasks", DEAD_LETTERS, {
    limit,
    descending: true,
    ...(cursor !== undefined && { cursor }),
  });
  return { letters: page.items.map(asDeadLetter), ...(page.cursor !== undefined && { cursor: page.cursor }) };
}
