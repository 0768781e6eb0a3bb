import type { Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";

/** Pages of 1,000 jobs that are looked through for the beginning of an id. */
const PAGES = 10;
const PAGE = 1_000;
const SHOWN = 5;
/** Jobs have ULIDs, or 32 hexadecimal digits when they were started with a key. */
const WHOLE = /^([0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{32})$/;

/**
 * Returns the id of a job, a run or a group that the user has written short: `@last` is the newest job, and the beginning
 * of an id stands for the one job that has it. What follows the id of the job (`.0.g.2`) stays as it is.
 * @throws FanfoldError `job_not_found`, `invalid_request` when several jobs begin so
 */
export async function longId(client: Client, given: string): Promise<string> {
  const [, head = "", rest = ""] = /^([^.~]*)(.*)$/s.exec(given) ?? [];
  if (WHOLE.test(head) || head === "") return given;
  return `${head === "@last" ? await lastJob(client) : await jobThatBegins(client, head)}${rest}`;
}
async function lastJob(client: Client): Promise<string> {
  const [job] = (await client.jobs({ limit: 1 })).items;
  if (job !== undefined) return job.jobId;
  throw new FanfoldError("job_not_found", "@last: there are no jobs");
}
async function jobThatBegins(client: Client, head: string): Promise<string> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES && found.length <= SHOWN; pages++) {
    const page = await client.jobs({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    found.push(...page.items.map(({ jobId }) => jobId).filter((jobId) => jobId.startsWith(head)));
    ({ cursor } = page);
    if (cursor === undefined) break;
  }
  if (found.length === 1) return found[0] as string;
  if (found.length === 0)
    throw new FanfoldError(
      "job_not_found",
      `no job begins with ${head}${cursor === undefined ? "" : ` among the newest ${PAGES * PAGE}`}; \`fanfold jobs\` lists them, and @last is the newest`,
    );
  const shown = found.slice(0, SHOWN).join(", ");
  throw new FanfoldError(
    "invalid_request",
    `several jobs begin with ${head}: ${shown}${found.length > SHOWN ? ", .." : ""}; write more of the id`,
    { details: { field: "ID" } },
  );
}
