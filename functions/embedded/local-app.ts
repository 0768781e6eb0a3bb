import { createApp } from "../api/app.ts";
import { problemOf } from "../api/problem.ts";
import { noSecurity, type Security } from "../api/security.ts";
import { createClient } from "../client/create-client.ts";
import type { Client } from "../client/client.ts";
import { FanfoldError } from "../core/errors.ts";
import { PortError } from "../engine/ports.ts";
import { packageVersion } from "../host/own-files.ts";
import type { Runtime } from "./runtime.ts";

/** The API in front of a runtime of this process. */
export interface LocalApp {
  readonly app: ReturnType<typeof createApp>;
  /** Calls the app directly, without a network. */
  readonly client: Client;
}

/** Returns the API of a runtime. `onError` receives each failure that is not the caller's, as text. */
export function localApp(
  runtime: Runtime,
  onError: (text: string) => void,
  security: Security = noSecurity(),
): LocalApp {
  const { engine, workflows, registry } = runtime;
  const app = createApp({
    engine,
    workflows,
    registry: { info: (task) => registry.info(task), names: () => runtime.taskNames },
    security,
    version: packageVersion(),
    health: () => runtime.health(),
    metrics: () => runtime.metrics(),
    // The runtime has said once what its disk lacks. Every refused request would say it again.
    report: (error) => (STATED.has(problemOf(error).code) ? undefined : onError(reported(error))),
  });
  return { app, client: createClient({ url: "http://127.0.0.1", fetch: (request) => app.fetch(request), pace: PACE }) };
}

/** To look at a job costs no request here. The first pauses are short, since many jobs are. */
const PACE = { firstMs: 2, longestMs: 200 };
const STATED: ReadonlySet<string> = new Set(["disk_full", "data_folder_unusable"]);
/** Returns a failure as text. Only a bug needs its stack. */
function reported(error: unknown): string {
  if (error instanceof FanfoldError && error.code !== "internal") return `${error.message} (${error.code})`;
  if (error instanceof PortError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
