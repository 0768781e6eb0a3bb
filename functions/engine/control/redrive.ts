import { FanfoldError } from "../../core/errors.ts";
import { parseRunId } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type DeadLetter, removeDeadLetters } from "../items/dead-letter-items.ts";
import { readRun } from "../items/run-reads.ts";
import type { DeadLetterCounts } from "../job-views.ts";
import { PortError } from "../ports.ts";
import type { DeadLetterAction } from "../requests.ts";
import { findDeadLetters, jobOf } from "../views/dead-letters.ts";
import { redrivenBody } from "./keep-dead-letter.ts";

/** Letters that one call handles, unless it is given fewer. */
const AT_ONCE = 500;

/**
 * Sends dead letters to their queues again. A letter is sent first and removed then, so a death in between sends it
 * twice and never loses it. A letter whose run was ended as broken is left: its message has nothing to start any more.
 * `dryRun` only counts. Costs one message and one write for each letter.
 */
export async function redriveDeadLetters(context: Context, action: DeadLetterAction): Promise<DeadLetterCounts> {
  const { letters, cursor } = await findDeadLetters(context, action, Math.min(action.limit ?? AT_ONCE, AT_ONCE));
  const over = await all(letters.map((letter) => isOver(context, letter)));
  const owed = letters.filter((_, k) => !over[k]);
  const sent = action.dryRun ? owed : await send(context, owed);
  if (!action.dryRun) await removeDeadLetters(context, sent);
  return {
    ...countsOf(sent),
    ended: letters.length - owed.length,
    refused: owed.length - sent.length,
    ...(cursor !== undefined && { cursor }),
  };
}
/** Removes dead letters for good. `dryRun` only counts. One write for each letter. */
export async function purgeDeadLetters(context: Context, action: DeadLetterAction): Promise<DeadLetterCounts> {
  const { letters, cursor } = await findDeadLetters(context, action, Math.min(action.limit ?? AT_ONCE, AT_ONCE));
  if (!action.dryRun) await removeDeadLetters(context, letters);
  return { ...countsOf(letters), ended: 0, refused: 0, ...(cursor !== undefined && { cursor }) };
}

async function isOver(context: Context, { runId }: DeadLetter): Promise<boolean> {
  const ref = runId === undefined ? undefined : parseRunId(runId);
  const run = ref && (await readRun(context, ref));
  return run !== undefined && isTerminal(run.status);
}
/** Sends the letters queue by queue, and returns those that were accepted. A letter may name a queue that no site has. */
async function send(context: Context, letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
  const sent: DeadLetter[] = [];
  for (const queue of new Set(letters.map((letter) => letter.queue))) {
    const waiting = letters.filter((letter) => letter.queue === queue);
    try {
      await context.queue.send(
        waiting.map((letter) => ({ queue, jobId: jobOf(letter) ?? NO_JOB, body: redrivenBody(letter.body) })),
      );
      sent.push(...waiting);
    } catch (error) {
      if (error instanceof PortError || !(error instanceof FanfoldError)) throw error;
    }
  }
  return sent;
}
/** The fairness group of messages that belong to no job. */
const NO_JOB = "dead-letters";

function countsOf(letters: readonly DeadLetter[]): Pick<DeadLetterCounts, "letters" | "kinds"> {
  const kinds = new Map<string, { queue: string; reason: DeadLetter["reason"]; task?: string; count: number }>();
  for (const { queue, reason, task } of letters) {
    const key = JSON.stringify([queue, reason, task]);
    const kind = kinds.get(key) ?? { queue, reason, ...(task !== undefined && { task }), count: 0 };
    kind.count++;
    kinds.set(key, kind);
  }
  return { letters: letters.length, kinds: [...kinds.values()] };
}
