import * as z from "zod";
import { LIMITS } from "../../core/limits.ts";
import { readCanvas } from "../read-canvas.ts";
import { invalid, route } from "../route.ts";
import { canvasNode } from "../canvas-schema.ts";
import { inputSealed, pageStored, wholeNumber } from "../schemas.ts";
import { jobIdParam, requireJob } from "./job-id.ts";

const MOST_PAGES = 1_000_000;

export const inputRoutes = [
  route({
    method: "PUT",
    path: "/jobs/{id}/input/{page}",
    operation: "putInputPage",
    summary: "Put one page of items into an open job",
    description: `At most ${LIMITS.pageItems} items and 4 MB, one canvas per line. The same page twice is harmless; other content is refused.`,
    params: z.strictObject({ id: jobIdParam, page: wholeNumber(0, MOST_PAGES - 1) }),
    body: { kind: "lines", item: canvasNode, maxItems: LIMITS.pageItems, maxBytes: LIMITS.pageBytes },
    replies: { 200: { description: "Stored", schema: pageStored } },
    async handle({ params, body }, { engine, registry }) {
      await requireJob(params.id, engine);
      if (body.length === 0) throw invalid("", "a page needs at least one item");
      const items = body.map((item, index) => readCanvas(item, registry, `/${index}`));
      await engine.putInputPage(params.id, params.page, items);
      return Response.json({ page: params.page, items: items.length });
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
