import * as z from "zod";
import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { jobIdOf, ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import { definedOf } from "../defined-of.ts";
import { hasEnded, jobEvents } from "../follow-events.ts";
import { graphToDot } from "../graph-dot.ts";
import { graphToMermaid } from "../graph-mermaid.ts";
import { boundedResponse, ndjsonResponse } from "../ndjson.ts";
import { invalid, route } from "../route.ts";
import { jobCursor, limit, runCursor } from "../cursors.ts";
import {
  cancelled,
  eventName,
  eventSent,
  job,
  jobEvent,
  jobGraph,
  jobPage,
  jobState,
  json,
  resultEntry,
  runPage,
  runStatus,
} from "../schemas.ts";
import { flag, stamp, stamps, wholeNumber } from "../query-schemas.ts";
import { jobIdParam, requireJob } from "./job-id.ts";

const id = z.strictObject({ id: jobIdParam });
const TEXTS = {
  dot: { type: "text/vnd.graphviz", write: graphToDot },
  mermaid: { type: "text/vnd.mermaid", write: graphToMermaid },
} as const;
const NDJSON = "application/x-ndjson";
const DEFAULT_LIMIT = 100;
const PARTS = "Where answers are bound in size, `Link` with rel=next names the rest: ask for it until there is none.";
const fromIndex = wholeNumber(0, Number.MAX_SAFE_INTEGER)
  .optional()
  .describe("The first entry that is wanted, counted from 0");

/** An id in a query. Ids that are longer fit into no key of a store. */
const idOf = (description: string) => z.string().min(1).max(2_000).optional().describe(description);
const nameIn = (description: string) => z.string().min(1).max(LIMITS.nameCharacters).optional().describe(description);
/** The root group has the id of its job. */
const isGroupId = (id: string): boolean => {
  const owner = ownerOf(id);
  return owner === undefined ? id === jobIdOf(id) : parseRunId(owner) !== undefined;
};

export const jobRoutes = [
  route({
    method: "GET",
    path: "/jobs",
    operation: "listJobs",
    summary: "Jobs, newest first",
    description:
      "With `?stamp` only jobs whose canvas carries it. The first 16 different stamps of a canvas count, not those of input pages or of what tasks spawn. A page may be empty although more follow: ask until there is no cursor.",
    query: z.strictObject({
      state: jobState.optional(),
      workflow: nameIn("Only jobs of this workflow"),
      stamp: stamp.optional(),
      limit,
      cursor: jobCursor,
    }),
    replies: { 200: { description: "A page of them", schema: jobPage } },
    handle: async ({ query }, { engine }) =>
      Response.json(await engine.jobs({ limit: DEFAULT_LIMIT, ...definedOf(query) })),
  }),
  route({
    method: "GET",
    path: "/jobs/{id}",
    operation: "getJob",
    summary: "State, counters and value of a job",
    params: id,
    replies: { 200: { description: "The job", schema: job } },
    handle: async ({ params }, { engine, supervisor }) =>
      Response.json(await requireJob(params.id, engine, supervisor)),
  }),
  route({
    method: "GET",
    path: "/jobs/{id}/graph",
    operation: "getGraph",
    summary: "The job as a graph of runs and groups; big groups are folded",
    description: `JSON, or by \`Accept\` or \`?format\` DOT (${TEXTS.dot.type}) or Mermaid (${TEXTS.mermaid.type}).`,
    params: id,
    query: z.strictObject({
      format: z.enum(["json", "dot", "mermaid"]).optional(),
      run: idOf("Only the member of a group that this run belongs to"),
    }),
    replies: {
      200: { description: "The graph", schema: jobGraph, texts: Object.values(TEXTS).map(({ type }) => type) },
    },
    async handle({ params, query, request }, { engine }) {
      await requireJob(params.id, engine);
      if (query.run !== undefined && (parseRunId(query.run) === undefined || jobIdOf(query.run) !== params.id))
        throw invalid("?run", `?run is the id of no run of job ${params.id}`);
      const graph = await engine.graph(params.id, query.run);
      const accepted = request.headers.get("Accept") ?? "";
      const format =
        query.format ?? (["dot", "mermaid"] as const).find((name) => accepted.includes(TEXTS[name].type)) ?? "json";
      if (format === "json") return Response.json(graph, { headers: { Vary: "Accept" } });
      const { type, write } = TEXTS[format];
      return new Response(write(graph), { headers: { "Content-Type": `${type}; charset=utf-8`, Vary: "Accept" } });
    },
  }),
  route({
    method: "GET",
    path: "/jobs/{id}/runs",
    operation: "listRuns",
    summary: "Runs of a job",
    description: "With `?stamp`, once or several times, only runs that carry one of them.",
    params: id,
    query: z.strictObject({
      status: runStatus.optional(),
      task: nameIn("Only runs of this task"),
      stamp: stamps,
      group: idOf("Only the runs of this group, without those of groups below it"),
      limit,
      cursor: runCursor,
    }),
    replies: { 200: { description: "A page of them", schema: runPage } },
    async handle({ params, query: { stamp: wanted, group, ...filter } }, { engine }) {
      await requireJob(params.id, engine);
      if (group !== undefined && (!isGroupId(group) || jobIdOf(group) !== params.id))
        throw invalid("?group", `?group is the id of no group of job ${params.id}`);
      const more = definedOf({ ...filter, stamps: wanted, groupId: group });
      return Response.json(await engine.runs(params.id, { limit: DEFAULT_LIMIT, ...more }));
    },
  }),
  route({
    method: "GET",
    path: "/jobs/{id}/results",
    operation: "getResults",
    summary: "Results of an ended job, in order, one per line",
    description: PARTS,
    params: id,
    query: z.strictObject({ from: fromIndex }),
    replies: {
      200: {
        description: "A stream; read it slowly, but a server may end one of which nothing is taken for ten minutes",
        schema: resultEntry,
        type: NDJSON,
      },
    },
    async handle({ params, query: { from = 0 } }, { engine, answerBytes }) {
      const { state } = await requireJob(params.id, engine);
      if (!hasEnded(state)) {
        throw new FanfoldError(
          "job_unfinished",
          `job ${params.id} is ${state}; its results can be read once it has ended`,
          { retryable: true },
        );
      }
      const results = engine.results(params.id, { from });
      return answerBytes === undefined
        ? ndjsonResponse(results)
        : boundedResponse(results, { bytes: answerBytes, from });
    },
  }),
  route({
    method: "GET",
    path: "/jobs/{id}/events",
    operation: "getEvents",
    summary: "State changes and failures of a job, oldest first, one per line",
    description: `With \`?follow\` the stream goes on until the job has ended. Empty lines only show that it is still there. ${PARTS} There \`?follow\` waits for nothing.`,
    params: id,
    query: z.strictObject({ follow: flag, from: fromIndex }),
    replies: { 200: { description: "A stream", schema: jobEvent, type: NDJSON } },
    async handle({ params, query: { follow, from = 0 } }, { engine, pollMilliseconds = 500, answerBytes }) {
      await requireJob(params.id, engine);
      const events = jobEvents(engine, params.id, {
        follow: follow && answerBytes === undefined,
        pollMilliseconds,
        from,
      });
      return answerBytes === undefined
        ? ndjsonResponse(events, { live: follow })
        : boundedResponse(events, { bytes: answerBytes, from });
    },
  }),
  route({
    method: "POST",
    path: "/jobs/{id}/cancel",
    operation: "cancelJob",
    summary: "Cancel a job, or the runs of it that carry a stamp; durable once answered, harmless when repeated",
    description:
      "With `?stamp`, once or several times, only runs that carry one of them are revoked, with what would have followed each in its strand: those that wait or " +
      "run, and those that come later. The job goes on.",
    params: id,
    query: z.strictObject({ stamp: stamps }),
    replies: { 200: { description: "Whether it had an effect", schema: cancelled } },
    async handle({ params, query }, { engine }) {
      const { jobId } = await requireJob(params.id, engine);
      return Response.json({
        jobId,
        cancelled: await (query.stamp ? engine.revokeStamped(jobId, query.stamp) : engine.cancel(jobId)),
      });
    },
  }),
  route({
    method: "POST",
    path: "/jobs/{id}/events/{name}",
    operation: "sendEvent",
    summary: "Tell a job that something has happened",
    description:
      "Every run of the job that waits for an event of this name, now or later, is given the value. Once per name: the first one stays. A job that has ended is sent nothing.",
    params: z.strictObject({ id: jobIdParam, name: eventName }),
    body: { kind: "json", schema: z.strictObject({ value: json }), maxBytes: 4 * 1_024 * 1_024 },
    replies: { 200: { description: "Whether it is the first of its name", schema: eventSent } },
    async handle({ params: { id: jobId, name }, body }, { engine }) {
      await requireJob(jobId, engine);
      return Response.json({ jobId, name, sent: await engine.sendEvent(jobId, name, body.value as Json) });
    },
  }),
];
