import type { EngineConfig } from "../../functions/engine/config.ts";
import type { Hono } from "hono";
import { createApp } from "../../functions/api/app.ts";
import type { Health } from "../../functions/api/dependencies.ts";
import { noSecurity, type Security } from "../../functions/api/security.ts";
import { createCalendar } from "../../functions/calendar/calendar.ts";
import { createClient, type Client } from "../../functions/client/index.ts";
import type { AnyTask } from "../../functions/sdk/any-task.ts";
import { createRegistry, createWorkflows, loadTaskModule } from "../../functions/sdk/index.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { LocalEngine } from "../engine/local-engine.ts";

/** The API over the real engine in memory, with the example tasks and those that a test adds. */
export interface Api {
  readonly local: LocalEngine;
  readonly app: Hono;
  readonly client: Client;
  /** Errors that were reported to the operator and not to the caller. */
  readonly reported: unknown[];
  ask(
    method: string,
    path: string,
    what?: { json?: unknown; body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> },
  ): Promise<Response>;
}

export function startApi(
  options: {
    security?: Security;
    pollMilliseconds?: number;
    tasks?: readonly AnyTask[];
    health?: Partial<Health>;
    bodyBytes?: number;
    engine?: Partial<EngineConfig>;
  } = {},
): Api {
  const { tasks: ofExamples, workflows } = loadTaskModule(examples);
  const tasks = [...ofExamples, ...(options.tasks ?? [])];
  const found = createWorkflows(workflows);
  const schedules = createCalendar((workflow: string, fields: unknown) => found.start(workflow, fields));
  const local = new LocalEngine(tasks, options.engine ?? {}, { around: (ports) => ({ ...ports, schedules }) });
  const registry = createRegistry(tasks);
  const reported: unknown[] = [];
  const app = createApp({
    engine: local.engine,
    workflows: found,
    registry: { info: (task) => registry.info(task), names: () => tasks.map((task) => task.name) },
    security: options.security ?? noSecurity(),
    version: "1.2.3",
    health: async () => ({ store: { writable: true }, queues: {}, ...options.health }),
    report: (error) => reported.push(error),
    ...(options.bodyBytes !== undefined && { bodyBytes: options.bodyBytes }),
    pollMilliseconds: options.pollMilliseconds ?? 5,
  });
  return {
    local,
    app,
    reported,
    client: createClient({ url: "http://127.0.0.1:7420", fetch: (request) => app.fetch(request) }),
    async ask(method, path, { json, body, headers = {} } = {}) {
      const type: Record<string, string> = json === undefined ? {} : { "Content-Type": "application/json" };
      const content = json === undefined ? body : JSON.stringify(json);
      return app.request(path, {
        method,
        headers: { ...type, ...headers },
        ...(content !== undefined && { body: content }),
      });
    },
  };
}

export async function linesOf(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** Returns everything that was written, sent or stored. */
export async function traces({ local }: Api): Promise<unknown> {
  return {
    store: local.store.stats(),
    blobs: local.blobs.names(),
    queues: await Promise.all(local.queues.map((queue) => local.queue.depth(queue))),
  };
}
