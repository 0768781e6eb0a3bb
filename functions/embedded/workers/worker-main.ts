import { rmSync } from "node:fs";
import { closeFailure, messageOf } from "../../host/log.ts";
import { RunHolder } from "../../host/run-holder.ts";
import { processPool } from "../../sdk/resource-pool.ts";
import { type Host, type HostOptions, openHost, taskQueuesOf } from "../engine-host.ts";
import { MessageLoop } from "../loop/message-loop.ts";
import { Repeating } from "../loop/repeating.ts";
import { SteadyClock } from "../machine/steady-clock.ts";
import { endIfOrphaned, WatchThread } from "../machine/watch-thread.ts";
import { queueShares } from "../queue-shares.ts";
import { foldersOf, permitOf, TIMING } from "../settings.ts";
import { containedRunner, containUserCode } from "./contained-runner.ts";
import { registerWorker, untilPermitted } from "./open-permit.ts";
import { ParentLink, REPORTS, type ToWorker, type WorkerAssignment } from "./process-link.ts";

/** The parts of a worker that its parent's messages reach. */
interface WorkerParts {
  readonly link: ParentLink;
  readonly claims: RunHolder;
  readonly host: Host;
  readonly loop: MessageLoop;
  readonly statistics: Repeating;
  readonly counts: Repeating;
}

/**
 * Runs a worker process, which executes user code under an engine of its own over the shared database. It may block or
 * die without harm, because its parent keeps its leases and gives back its messages. It must not outlive its parent.
 */
async function main(assignment: WorkerAssignment, link: ParentLink): Promise<void> {
  endWithParent();
  const clock = new SteadyClock(assignment.aheadMs);
  const watch = new WatchThread(assignment.parentPid, REPORTS);
  const leaseMs = assignment.engine.leaseSeconds * 1_000;
  const claims: RunHolder = new RunHolder({
    keeper: link,
    leaseMs,
    heartbeat: (held) => host.engine.heartbeat(held),
    now: () => clock.now(),
    marks: {
      get stalls() {
        return watch.stalls;
      },
      get settledStalls() {
        return link.settledStalls;
      },
      begin: (token) => watch.begin(token),
      end: (token) => watch.end(token),
      settled: () => link.settled(watch.stalls),
    },
  });
  registerWorker(foldersOf(assignment.dataFolder).workers);
  const host: Host = await openWhenPermitted(
    assignment,
    { link, clock, watch },
    {
      onTaskSpeed: (task, quick) => link.send({ kind: "taskSpeed", task, quick }),
      onSend: (queues) => {
        loop.wake();
        link.sent(queues);
      },
      onUnwritable: ({ code, message, details }) => {
        loop.pause(true);
        link.send({ kind: "unwritable", code, message, details });
      },
    },
  );
  const loop: MessageLoop = new MessageLoop({
    handle: (message, workerLoop) => host.engine.handle(message, workerLoop),
    giveUp: (message, workerLoop) => host.engine.handleDeadLetter(message, workerLoop),
    source: host.source,
    queues: () => taskQueuesOf(host),
    slots: assignment.slots,
    shares: queueShares(assignment.queues),
    claims,
    log: link.log,
    now: () => clock.now(),
    shared: true,
    onIdle: () => link.idle(),
    onReserved: (reserved) => link.reserved(reserved),
  });
  const statistics = new Repeating({
    name: "the flush of statistics",
    firstMs: TIMING.statisticsMs,
    everyMs: TIMING.statisticsMs,
    log: link.log,
    work: () => host.engine.flushStatistics(),
  });
  const counts = new Repeating({
    name: "the report of counts",
    firstMs: TIMING.countsMs,
    everyMs: TIMING.countsMs,
    log: link.log,
    work: async () => link.counted(host.counts.take()),
  });
  process.on("message", (message) => obey({ link, claims, host, loop, statistics, counts }, message as ToWorker));
  containUserCode(link.log, crash);
  link.send({ kind: "ready" });
}
function openWhenPermitted(
  assignment: WorkerAssignment,
  { link, clock, watch }: { readonly link: ParentLink; readonly clock: SteadyClock; readonly watch: WatchThread },
  events: Pick<HostOptions, "onSend" | "onUnwritable" | "onTaskSpeed">,
): Promise<Host> {
  const permit = permitOf(assignment.dataFolder, assignment.holder);
  return openHost({
    dataFolder: assignment.dataFolder,
    tasksModule: assignment.tasksModule,
    durability: assignment.durability,
    holder: assignment.holder,
    engine: assignment.engine,
    ...(assignment.secrets && { secrets: assignment.secrets }),
    clock,
    onActivity: assignment.tells && ((activity) => link.send({ kind: "activity", activity })),
    around: (runner) => containedRunner(runner, watch),
    beforeOpening: () => {
      link.send({ kind: "opening" });
      return untilPermitted(permit);
    },
    onOpened: () => rmSync(permit),
    ensureParent: () => endIfOrphaned(assignment.parentPid),
    log: link.log,
    ...events,
  });
}
function obey(parts: WorkerParts, message: ToWorker): void {
  if (message.kind === "wake") parts.loop.wake();
  else if (message.kind === "disk") parts.loop.pause(!message.writable);
  else if (message.kind === "serve") parts.loop.start(message.terms);
  else if (message.kind === "rest") parts.loop.rest();
  else if (message.kind === "settled") parts.link.noteSettled(message.stalls);
  else if (message.kind === "abort")
    for (const { token, runId, reason } of message.runs) parts.claims.abort(token, runId, reason);
  else void stop(parts, message.graceSeconds);
}
async function stop({ link, loop, host, statistics, counts }: WorkerParts, graceSeconds: number): Promise<void> {
  await loop.stop(graceSeconds);
  await statistics.stop();
  await host.engine.flushStatistics();
  await counts.stop();
  await link.counted(host.counts.take());
  await processPool.close(closeFailure(link.log));
  // Runs that ignore their abort still use the database. A kill with the database open is safe, so this exit is too.
  if (loop.busy === 0) await host.close();
  process.exit(0);
}

/**
 * Ties this process to its parent. A terminal sends SIGINT, and a service manager SIGTERM, to the whole process group,
 * but only the parent decides when its workers stop.
 */
function endWithParent(): void {
  // The log of the command may be on a full disk. That is no reason to end.
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", () => undefined);
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}
function crash(error: unknown): void {
  const stack = (error instanceof Error && error.stack) || messageOf(error);
  link.send(
    { kind: "log", level: "error", message: "an error that belongs to no run ends a worker", fields: { stack } },
    () => process.exit(1),
  );
}

const assigned = JSON.parse(process.argv[2] ?? "{}") as WorkerAssignment;
const link = new ParentLink(assigned.recycle);
main(assigned, link).catch((error: unknown) => {
  const message = `a worker process cannot start: ${messageOf(error)}`;
  const stack = (error instanceof Error && error.stack) || "";
  link.send({ kind: "log", level: "error", message, fields: { stack } }, () => process.exit(1));
});
