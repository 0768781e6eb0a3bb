import { Worker } from "node:worker_threads";

export function endIfOrphaned(parentPid: number): void {
  if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
}

/**
 * Ends this process when its parent is gone, also while user code blocks the main thread: an orphan could do no harm to the data (its leases are fenced),
 * but would keep a core busy for nobody. The parent tells its pid, since it may be gone before this process can ask for it. A thread of its own looks once a second; it costs a few megabytes, and no module is loaded into it.
 */
export function watchForOrphan(parentPid: number): void {
  const watch = `const look = () => { if (process.ppid !== ${parentPid}) process.kill(process.pid, "SIGKILL"); };
    look();
    setInterval(look, 1000);`;
  const thread = new Worker(watch, { eval: true, execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 } });
  thread.unref();
}
