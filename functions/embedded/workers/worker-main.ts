import { rmSync } from "node:fs";
import { RunHolder } from "../../host/run-holder.ts";
import { messageOf } from "../../host/log.ts";
import { openHost, taskQueuesOf } from "../engine-host.ts";
import { MessageLoop } from "../loop/worker-loop.ts";
import { endIfOrphaned, watchForOrphan } from "../machine/orphan-watch.ts";
import { doorOf, foldersOf } from "../settings.ts";
import { registerWorker, untilPermitted } from "./open-permit.ts";
import { ParentLink, type ToWorker, type WorkerAssignment } from "./process-link.ts";

/**
 * A worker process: user code runs here, under an engine of its own over the same database. It may block, or die, without harm: its parent keeps its
 * leases, and gives back what it held. Without a parent it has no right to run.
 */
async function main(assignment: WorkerAssignment, link: ParentLink): Promise<void> {
  endWithParent(assignment.parentPid);
  const leaseMs = assignment.engine.leaseSeconds * 1_000;
  const claims: RunHolder = new RunHolder({ keeper: link, leaseMs, heartbeat: (held) => host.engine.heartbeat(held) });
  const door = doorOf(assignment.dataFolder, assignment.holder);
  registerWorker(foldersOf(assignment.dataFolder).workers);
  const host = await openHost({
    dataFolder: assignment.dataFolder,
    tasksModule: assignment.tasksModule,
    durability: assignment.durability,
    holder: assignment.holder,
    engine: assignment.engine,
    beforeOpening: () => {
      link.send({ kind: "opening" });
      return untilPermitted(door);
    },
    onOpened: () => rmSync(door),
    ensureParent: () => endIfOrphaned(assignment.parentPid),
    onSend: (queues) => {
      loop.wake();
      link.sent(queues);
    },
  });
  const loop: MessageLoop = new MessageLoop({
    handle: (message, workerLoop) => host.engine.handle(message, workerLoop),
    source: host.source,
    queues: () => taskQueuesOf(host),
    slots: assignment.slots,
    claims,
    log: link.log,
    onIdle: () => link.idle(),
  });
  process.on("message", (message) => obey(message as ToWorker));
  loop.start();
  link.send({ kind: "ready" });

  function obey(message: ToWorker): void {
    if (message.kind === "wake") loop.wake();
    else if (message.kind === "ask") link.send({ kind: "alive" });
    else if (message.kind === "abort") for (const { token, runId, reason } of message.runs) claims.abort(token, runId, reason);
    else void stop(message.graceSeconds);
  }
  async function stop(graceSeconds: number): Promise<void> {
    await loop.stop(graceSeconds);
    // Runs that ignore their abort still use the database. Ending with it open is safe: it is made to be killed.
    if (loop.busy === 0) await host.close();
    process.exit(0);
  }
}

/** A terminal sends SIGINT, and a service manager SIGTERM, to the whole group: the parent decides what becomes of its workers. */
function endWithParent(parentPid: number): void {
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  watchForOrphan(parentPid);
}

const link = new ParentLink();
main(JSON.parse(process.argv[2] ?? "{}") as WorkerAssignment, link).catch((error: unknown) => {
  const message = `a worker process cannot start: ${messageOf(error)}`;
  const stack = (error instanceof Error && error.stack) || "";
  link.send({ kind: "log", level: "error", message, fields: { stack } }, () => process.exit(1));
});
