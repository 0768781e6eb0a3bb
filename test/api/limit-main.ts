import { hasEnded } from "../../functions/client/index.ts";
import { type Api, linesOf, startApi } from "./api.ts";
import { type Asked, LIMIT_CASES, type LimitCase } from "./limit-cases.ts";
import { JSON_TYPE } from "./refused-parts.ts";

/**
 * Asks for each case of limit-cases.ts, in a process of its own so that it can have a small stack:
 * `node --stack-size=300 --import ./test/tsx-cached.mjs test/api/limit-main.ts`. Prints a line of JSON for each.
 */
async function ask(api: Api, path: string, { body, headers }: Asked) {
  const response = await api.ask("POST", path, { body, headers: { ...JSON_TYPE, ...headers } });
  return { status: response.status, ...((await response.json()) as { jobId?: string; code?: string; field?: string }) };
}
async function start(api: Api, asked: Asked): Promise<string> {
  const { jobId, ...answer } = await ask(api, "/jobs", asked);
  if (jobId === undefined) throw new Error(JSON.stringify(answer));
  return jobId;
}

async function atLimit(api: Api, { at, ends }: LimitCase) {
  const asked = at();
  const planned = await ask(api, "/jobs?plan", asked);
  const id = await start(api, asked);
  if (ends !== "not run") await api.local.untilQuiet(100_000_000);
  const job = await api.client.job(id);
  const graph = await api.client.graph(id);
  let runs = 0;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await api.client.runs(id, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
    runs += page.items.length;
    cursor = page.cursor;
  }
  const events = await linesOf(await api.ask("GET", `/jobs/${id}/events${hasEnded(job) ? "?follow" : ""}`));
  // A job that has ended cannot be cancelled, so it is another one.
  const other = hasEnded(job) ? await start(api, { ...asked, headers: {} }) : id;
  await api.client.cancel(other);
  await api.local.untilQuiet(100_000_000);
  const { state: cancelled } = await api.client.job(other);
  return {
    planned: planned.status,
    state: job.state,
    nodes: graph.nodes.length,
    runs,
    events: events.length,
    cancelled,
  };
}

async function aboveLimit(api: Api, { above }: LimitCase) {
  const { writes } = api.local.store.stats();
  const asked = above();
  const answers = [];
  for (const path of ["/jobs?plan", "/jobs"]) {
    const { status, code, field } = await ask(api, path, asked);
    answers.push({ status, code, field });
  }
  return { answers, written: api.local.store.stats().writes - writes };
}

for (const each of LIMIT_CASES) {
  const api = startApi();
  const outcome = { at: await atLimit(api, each), above: await aboveLimit(api, each) };
  process.stdout.write(`${JSON.stringify({ ...outcome, reported: api.reported.map(String) })}\n`);
}
