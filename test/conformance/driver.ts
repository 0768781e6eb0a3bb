import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClientOptions, createClient, type ResultSource } from "../../functions/client/index.ts";
import type { Canvas } from "../../functions/core/canvas/canvas.ts";
import { startRuntime } from "../../functions/embedded/runtime.ts";

/** Runs the canvases of cases on an engine, wherever it is. Its workers know the tasks of `tasks.ts`. */
export interface Driver extends ResultSource {
  /** Throws when the engine refuses the canvas. */
  submit(canvas: Canvas): Promise<{ readonly jobId: string }>;
  cancel(jobId: string): Promise<boolean>;
}
export interface ClosableDriver extends Driver {
  close(): Promise<void>;
}

/** Returns a runtime on this machine with an empty data folder, which is removed at the end. */
export async function embeddedDriver({ workers = 2 }: { readonly workers?: number } = {}): Promise<ClosableDriver> {
  const dataFolder = mkdtempSync(join(tmpdir(), "fanfold-conformance-"));
  const tasksModule = fileURLToPath(new URL("./tasks.ts", import.meta.url));
  const runtime = await startRuntime({ dataFolder, tasksModule, workers });
  const { engine } = runtime;
  return {
    submit: (canvas) => engine.submit({ canvas }),
    cancel: (jobId) => engine.cancel(jobId),
    job: (jobId) => engine.job(jobId),
    runs: (jobId, filter) => engine.runs(jobId, filter),
    run: (runId) => engine.run(runId),
    async close() {
      await runtime.stop({ graceSeconds: 0 });
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

export interface HttpDriverOptions extends ClientOptions {
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}
/**
 * Returns a driver of a deployed server with the tasks of `tasks.ts` and a queue `celery`. `fetch` in the options may
 * sign requests.
 */
export function httpDriver({ headers = {}, fetch: send = fetch, ...options }: HttpDriverOptions): Driver {
  return createClient({
    ...options,
    fetch: (request) => {
      for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
      return send(request);
    },
  });
}
