import { leafOf } from "../../core/plan/ledger.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { BulkInfo } from "../../core/task/bulk.ts";
import type { TaskInfo } from "../../core/task/invocation.ts";
import { sendCalls } from "../admission/bulk-pool.ts";
import { DONE } from "../attempt/member-outcome.ts";
import { all } from "../concurrently.ts";
import { gateOf } from "../groups/gate.ts";
import type { Header } from "../item-kinds.ts";
import { mustRunAlone, returnClaims } from "../items/run-claims.ts";
import { sendRuns, turnOf } from "../messages/send.ts";
import type { BulkPack, BulkRuns } from "../messages/wire.ts";
import { placeOf } from "../plan/step-placement.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { BulkCall, type ClaimedPack } from "./bulk-call.ts";
import { checkMembers } from "./check-members.ts";
import { type BatchRun, claimBatch } from "./claim-batch.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { FollowPasses } from "./follow-passes.ts";
import { sendOwed } from "./handle-members.ts";
import { type Ready, Reports } from "./member-reports.ts";
import { parkPaused } from "./park-paused.ts";
import { inPass } from "./passes.ts";
import { type Callable, callable, planCalls } from "./plan-calls.ts";

/** The members of one leaf and step on their way through a call. */
interface CheckedPack {
  readonly header: Header;
  readonly refs: readonly RunRef[];
  readonly ready: readonly Ready[];
  readonly passes: FollowPasses;
  readonly reports: Reports;
  readonly failures: readonly unknown[];
}
interface Work {
  readonly context: ExecuteContext;
  readonly loop: WorkerLoop;
  readonly info: TaskInfo & { readonly bulk: BulkInfo };
  readonly queue: string;
  readonly packs: readonly CheckedPack[];
}

/**
 * Handles runs of a bulk task that share a call: receive -> check -> claim -> call -> commit -> follow -> acknowledge.
 * They may be of many groups and jobs. What may not share the first call is sent as calls of its own, before that. Each
 * pack is then followed up like the members of a message of its own. Throws when a port failed. The whole message is then
 * redelivered, which is harmless.
 */
export async function handleBulk(
  context: ExecuteContext,
  message: BulkRuns,
  { queue }: Pick<ReceivedMessage, "queue">,
  loop: WorkerLoop,
): Promise<Disposition> {
  const info = context.registry.info(message.task);
  const calling = { context, loop, info, queue };
  const waitSeconds = await inPass({ ...calling, task: message.task }, () => handlePacks(calling, message.packs));
  if (waitSeconds !== undefined) return { kind: "later", delaySeconds: waitSeconds };
  context.statistics.addQueue(context.clock.now(), queue, "messages");
  return { kind: "done" };
}
async function handlePacks(
  { context, loop, info, queue }: Pick<Work, "context" | "loop" | "queue"> & { readonly info: TaskInfo | undefined },
  given: readonly BulkPack[],
): Promise<void> {
  const checked = await all(eachOnce(context, given).map((pack) => checkPack(context, pack, loop)));
  const packs = checked.flatMap((pack) => pack ?? []);
  const failures: unknown[] = packs.flatMap((each) => each.failures);
  const fail = (error: unknown): void => void failures.push(error);
  if (info?.bulk === undefined) await sendSingly(context, packs).catch(fail);
  else await callFirst({ context, loop, info: { ...info, bulk: info.bulk }, queue, packs }).catch(fail);
  await all(packs.map((pack) => followPack(context, pack).catch(fail)));
  if (failures.length > 0) throw failures[0];
}

/**
 * Returns the packs with each member once, and one for each leaf and step. A member that was sent twice may be in two
 * packs, and a claim of its own token would seem to be answered late.
 */
function eachOnce({ config }: ExecuteContext, given: readonly BulkPack[]): readonly BulkPack[] {
  const packs = new Map<string, { readonly pack: BulkPack; readonly members: Set<number> }>();
  for (const pack of given) {
    for (const index of pack.members) {
      const key = `${pack.gid}|${leafOf(index, config.width)}|${pack.step}`;
      const one = packs.get(key) ?? { pack, members: new Set() };
      one.members.add(index);
      packs.set(key, one);
    }
  }
  return [...packs.values()].map(({ pack: { gid, step }, members }) => ({
    gid,
    step,
    members: [...members].toSorted((a, b) => a - b),
  }));
}

async function checkPack(
  context: ExecuteContext,
  { gid, step, members }: BulkPack,
  loop: WorkerLoop,
): Promise<CheckedPack | undefined> {
  const refs = members.map((index) => ({ gid, index, stepIndex: step }));
  const gate = await gateOf(context, gid);
  if (gate.kind === "gone") return undefined;
  const { header } = gate;
  // The rows say how many runs a call may have, and what must be alone. Their messages are new ones each time.
  const { ready: unheld, reports, failures } = await checkMembers(context, gate, refs, true);
  const { ready, parked } = await parkPaused(context, header, unheld);
  const passes = new FollowPasses(context, { header, loop, members: refs.length, queue: undefined });
  passes.add(reports);
  passes.add(parked);
  return { header, refs, ready, passes, reports: new Reports(), failures };
}
async function followPack(context: ExecuteContext, { header, refs, passes, reports }: CheckedPack): Promise<void> {
  try {
    for await (const each of reports) passes.add(each);
  } finally {
    await passes.done();
  }
  await sendOwed(context, header, refs, passes.later);
}
/** Sends runs of a task that is no bulk task any more. */
async function sendSingly(context: ExecuteContext, packs: readonly CheckedPack[]): Promise<void> {
  for (const { header, ready, passes } of packs) {
    const owing = ready.map(({ ref, step }) => ({
      ...ref,
      ...placeOf(context, step),
      ...turnOf(header),
      delaySeconds: 0,
    }));
    await sendRuns(context, owing, Math.max(1, owing.length));
    passes.add(ready.map(({ ref }) => ({ ref, outcome: DONE })));
  }
}

/** Sends the calls after the first, THEN makes the first. */
async function callFirst(work: Work): Promise<void> {
  const { context, info, packs } = work;
  const members = packs.flatMap(({ header, ready }) => ready.map((member) => callable(header, member)));
  const [first, ...others] = planCalls(context, info.bulk, members);
  await sendOn(work, others);
  if (!first) return;
  const alone = first.some(({ member }) => mustRunAlone(context, member.run));
  const slot = await work.loop.takeSlot(alone, info.name);
  try {
    const claimed = await claimParts(work, first);
    if (claimed.length > 0) await new BulkCall(context, work.loop, info, claimed).execute();
  } finally {
    slot.release();
  }
}
async function sendOn({ context, info, queue, packs }: Work, calls: readonly (readonly Callable[])[]): Promise<void> {
  if (calls.length === 0) return;
  const sending = calls.map((call) => ({
    members: call.map(({ header, member }) => ({ ...member.ref, header })),
    band: placeOf(context, (call[0] as Callable).member.step).band,
  }));
  await sendCalls(context, { queue, task: info.name }, sending);
  const sent = new Set(calls.flat().map(({ member }) => member));
  for (const { ready, passes } of packs)
    passes.add(ready.filter((member) => sent.has(member)).map(({ ref }) => ({ ref, outcome: DONE })));
}

/**
 * Claims the runs of a call under one token, pack by pack. A row may permit fewer runs than the call has, if it has changed
 * since it was read. Its claim is returned, and it is sent again.
 */
async function claimParts(work: Work, call: readonly Callable[]): Promise<readonly ClaimedPack[]> {
  const { context, packs } = work;
  const token = context.ids.token();
  const bytesOf = new Map(call.map(({ member, bytes }) => [member, bytes]));
  const settled = await Promise.allSettled(
    packs.map(async ({ header, ready, reports }) => {
      const members = ready.filter((member) => bytesOf.has(member));
      if (members.length === 0) return undefined;
      const claimed = await claimBatch(context, header, members, reports, token);
      return claimed && { header: claimed.header, runs: claimed.runs, reports };
    }),
  );
  const claimed = settled.flatMap((each) => (each.status === "fulfilled" ? (each.value ?? []) : []));
  const failed = settled.find((each) => each.status === "rejected");
  if (failed) {
    await returnClaims(
      context,
      claimed.flatMap(({ runs }) => runs),
    );
    throw failed.reason;
  }
  const count = claimed.reduce((sum, { runs }) => sum + runs.length, 0);
  const tooMany = ({ run }: BatchRun): boolean => run.among !== undefined && run.among < count;
  for (const { runs, reports } of claimed) {
    const returned = runs.filter(tooMany);
    if (returned.length === 0) continue;
    await returnClaims(context, returned);
    reports.add(
      Promise.resolve(returned.map(({ run }) => ({ ref: run, outcome: { kind: "later", delaySeconds: 0 } }))),
    );
  }
  return claimed.flatMap(({ runs, ...pack }) => {
    const kept = runs.filter((each) => !tooMany(each));
    const bytes = new Map(kept.map((each) => [each, bytesOf.get(each.member) ?? 0]));
    return kept.length > 0 ? [{ ...pack, runs: kept, bytes }] : [];
  });
}
