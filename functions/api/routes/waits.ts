import * as z from "zod";
import { waitCursor } from "../cursors.ts";
import { definedOf } from "../defined-of.ts";
import { wholeNumber } from "../query-schemas.ts";
import { route } from "../route.ts";
import { components, milliseconds } from "../schemas.ts";

const of = z.enum(["approval", "event"]);
const wait = z
  .object({
    of,
    name: z.string(),
    jobId: z.string(),
    workflow: z.string().optional(),
    runId: z.string().describe("The run that waits, or the first one of them"),
    task: z.string().optional().describe("Absent where the canvas waits, and not a task"),
    runs: z.int().describe("Runs of one group that wait for the same event"),
    more: z.literal(true).optional().describe("The group has more members than were looked at"),
    since: milliseconds,
    expiresAt: milliseconds.optional(),
  })
  .register(components, { id: "Wait", description: "What runs wait for, and somebody has to give" });
const waitPage = z
  .object({
    items: z.array(wait),
    cursor: z.string().optional().describe("Present when more may follow: send it back as ?cursor"),
  })
  .register(components, { id: "WaitPage" });

export const waitRoute = route({
  method: "GET",
  path: "/waits",
  operation: "listWaits",
  summary: "Approvals and events that runs of all jobs wait for, in no particular order",
  description:
    "It looks at the open groups, and at the first 256 members of each. So it costs two read units for a small group and about 60 for a big one: ask for it when somebody looks. " +
    "A page may be empty although more follow: ask until there is no cursor.",
  query: z.strictObject({ of: of.optional(), limit: wholeNumber(1, 500).optional(), cursor: waitCursor }),
  replies: { 200: { description: "A page of them", schema: waitPage } },
  handle: async ({ query }, { engine }) => Response.json(await engine.waits(definedOf(query))),
});
