import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { jobIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header, HeaderAttributes } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { openAgain, setOutcome } from "../items/header-writes.ts";
import { doneOf, readCurrent } from "../items/ledger-reads.ts";
import { sendControl } from "../messages/send.ts";
import { PAUSE_ATTRIBUTES } from "../items/pause-items.ts";
import type { RetryOrder } from "../requests.ts";
import { reopenLedger } from "./reopen-ledger.ts";

/**
 * Opens a group of an earlier round again (docs/protocol-rules.md, section 12). Idempotent, and repeated by every
 * process that finds the run that waits for the group. `streams` says that the owner streams on, so the group loses its
 * seal. So does an input that was cut off before its end. Returns the header as it is now.
 *
 *     decided -> ledger of the round -> header of the round -> members that run again (control/take-up-members.ts)
 */
export async function reopenGroup(
  context: Context,
  gid: string,
  round: number,
  order: RetryOrder | undefined,
  streams = false,
): Promise<Header | undefined> {
  let header = await readHeader(context, gid);
  if (!header || header.round >= round || !order) return header;
  // What is above it had decided, and nobody has told it yet.
  if (!header.outcome) ({ header } = await setOutcome(context, header, header.round, "dropped", {}, true));
  if (!header?.outcome || header.round >= round) return header;
  const goesOn = streams || header.cut === true;
  if (goesOn) {
    const { memberCount: _seal, ownItems: _items, handedOn: _on, ...unsealed } = header;
    header = unsealed;
  }
  if (!header.wait) await reopenLedger(context, header, round, order);
  const { set, remove } = await changeOf(context, header, round, order);
  const opened = (await openAgain(context, header, round, set, goesOn ? [...remove, ...OF_A_SEAL] : remove)).header;
  // The root's message follows once its job is open again (control/retry-job.ts).
  const nested = header.joins !== undefined;
  if (nested && opened?.round === round && opened.reopening)
    await sendControl(context, { kind: "sweep", gid, fromLeaf: 0 });
  return opened;
}
/** What a seal says. A generator that goes on seals the group again. */
const OF_A_SEAL: readonly string[] = ["memberCount", "cut", "ownItems", "handedOn"];
/**
 * Reads what a round of a job retries. Returns undefined once the job is in a later round, which takes up what this one
 * has left. So all nodes of a round are written for one selection.
 */
export async function readOrder(context: Context, gid: string, round: number): Promise<RetryOrder | undefined> {
  const root = await readHeader(context, jobIdOf(gid));
  return root?.round === round ? (root.retry ?? { at: 0 }) : undefined;
}

async function changeOf(
  context: Context,
  header: Header,
  round: number,
  order: RetryOrder,
): Promise<{ readonly set: Partial<HeaderAttributes>; readonly remove: readonly string[] }> {
  const { gid, wait } = header;
  if (wait) {
    const set = {
      token: context.ids.token(),
      since: round,
      ...(wait.expires !== undefined && { deadline: context.clock.now() + wait.expires * 1_000 }),
    };
    return { set, remove: ["memberCount", "ownValue", "ownError", "answerId", "firstError"] };
  }
  const unsealed = header.memberCount === undefined && { since: round };
  // Nobody could resume an ended job, and a retry wants it to run. What was parked before is taken up with all else.
  const unpaused = header.joins === undefined ? PAUSE_ATTRIBUTES : [];
  const set = { reopening: true as const, ...unsealed, ...(header.joins === undefined && { retry: order }) };
  if (!order.filter) return { set, remove: ["firstError", "revoked", "revokedStamps", ...unpaused] };
  const first = header.firstError === undefined ? undefined : memberOf(gid, header.firstError);
  const revoked = await stillRevoked(context, header, round);
  return {
    set: revoked.size > 0 ? { ...set, revoked } : set,
    remove: [
      ...(first !== undefined && (await keeps(context, header, round, first)) ? [] : ["firstError"]),
      ...(revoked.size > 0 ? [] : ["revoked"]),
      ...unpaused,
    ],
  };
}
/** Returns the member of a group below which a run lies; undefined when it lies elsewhere. */
function memberOf(gid: string, runId: string): number | undefined {
  return runId.startsWith(`${gid}.`) ? Number.parseInt(runId.slice(gid.length + 1), 10) : undefined;
}
/** Whether a member keeps the end that it had, by the ledger that was written for this round. */
async function keeps(context: Context, header: Header, round: number, index: number): Promise<boolean> {
  const { width } = context.config;
  const ofRound = { ...header, rounds: new Set([...(header.rounds ?? []), round]) };
  const node = await readCurrent(context, ofRound, { level: 1, node: leafOf(index, width) });
  return doneOf(node).has(localIndex(index, width));
}
/** Returns the revocations of members that do not run again. */
async function stillRevoked(context: Context, header: Header, round: number): Promise<ReadonlySet<string>> {
  const revoked = new Set<string>();
  for (const revocation of header.revoked ?? [])
    if (await keeps(context, header, round, Number.parseInt(revocation, 10))) revoked.add(revocation);
  return revoked;
}
