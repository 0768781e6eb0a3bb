import * as z from "zod";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { readCanvas } from "../read-canvas.ts";
import { invalid, route } from "../route.ts";
import { documentation, inputSealed, pageStored } from "../schemas.ts";
import { wholeNumber } from "../query-schemas.ts";
import { jobIdParam, requireJob } from "./job-id.ts";

const MOST_PAGES = 1_000_000;

const item = {
  type: "object",
  properties: { path: { type: "string", minLength: 1 }, size: { type: "number", minimum: 0 } },
  required: ["path"],
};
/** What the document shows of a line. Core reads it, by what the job was opened for. */
const line = z
  .unknown()
  .register(documentation, { schema: { anyOf: [{ $ref: "#/components/schemas/Canvas" }, item] } });

export const inputRoutes = [
  route({
    method: "PUT",
    path: "/jobs/{id}/input/{page}",
    operation: "putInputPage",
    summary: "Put one page of items into an open job",
    description: `At most ${LIMITS.pageItems} items and 4 MB, one per line: canvases, or objects with a \`path\` for a job that was opened with input \`items\`. The same page twice is harmless; other content is refused.`,
    params: z.strictObject({ id: jobIdParam, page: wholeNumber(0, MOST_PAGES - 1) }),
    body: { kind: "lines", item: line, maxItems: LIMITS.pageItems, maxBytes: LIMITS.pageBytes },
    replies: { 200: { description: "Stored", schema: pageStored } },
    async handle({ params, body }, { engine, registry }) {
      await requireJob(params.id, engine);
      if (body.length === 0) throw invalid("", "a page needs at least one item");
      if (await engine.takesItems(params.id)) await engine.putItemPage(params.id, params.page, body as readonly Json[]);
      else {
        const items = body.map((item, index) => readCanvas(item, registry, `/${index}`));
        await engine.putInputPage(params.id, params.page, items);
      }
      return Response.json({ page: params.page, items: body.length });
    },
  }),
  route({
    method: "POST",
    path: "/jobs/{id}/input/seal",
    operation: "sealInput",
    summary: "Say that no more pages come",
    params: z.strictObject({ id: jobIdParam }),
    body: {
      kind: "json",
      schema: z.strictObject({ pages: z.int().min(0).max(MOST_PAGES).describe("How many there are: 0 .. pages-1") }),
      maxBytes: 4_096,
    },
    replies: { 200: { description: "Sealed; again is harmless", schema: inputSealed } },
    async handle({ params, body }, { engine }) {
      await requireJob(params.id, engine);
      await engine.sealInput(params.id, body.pages);
      return Response.json({ pages: body.pages });
    },
  }),
];
