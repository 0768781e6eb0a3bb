import { Worker } from "node:worker_threads";

/** Kills this process when its parent has ended. */
export function endIfOrphaned(parentPid: number): void {
  if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
}

/**
 * Kills this process soon after its parent has ended, even while user code blocks the main thread. An orphan cannot
 * harm the data, since its leases are fenced, but it would keep a core busy. The parent passes its pid, because it may
 * have ended before this process can ask for it.
 *
 * A thread of its own checks once a second. It costs a few megabytes, and no module is loaded into it.
 */
export function watchForOrphan(parentPid: number): void {
  const watch = `const check = () => { if (process.ppid !== ${parentPid}) process.kill(process.pid, "SIGKILL"); };
    check();
    setInterval(check, 1000);`;
  const thread = new Worker(watch, {
    eval: true,
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  thread.unref();
}
