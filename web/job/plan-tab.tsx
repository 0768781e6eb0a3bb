import type { Job, JobPlan } from "../../functions/client/index.ts";
import { formatCount, formatDollars, formatDuration, visible } from "../format.ts";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { Line } from "../parts/text.tsx";
import { server, useLive } from "../server.ts";
import { endedOf, failedOf } from "../states.ts";

/** What the job would have taken, beside what it took. */
export function PlanTab({ job }: { readonly job: Job }) {
  const { value, error } = useLive(`plan ${job.jobId}`, async (): Promise<{ plan?: JobPlan }> => {
    if (job.workflow === undefined) return {};
    return { plan: await server().planWorkflow(job.workflow, job.parameters ?? {}) };
  });
  if (!value && !error) return <Loading what="the plan" />;
  const plan = value?.plan;
  const took = job.cost;
  const rows: [string, string | undefined, string | undefined][] = [
    ["task runs", plan && formatCount(plan.taskRuns), formatCount(took?.measured.taskRuns ?? endedOf(job))],
    ["failed runs", plan && "0", formatCount(took?.measured.failed ?? failedOf(job))],
    ["messages", plan && formatCount(plan.messages.total), took && formatCount(took.computed.messages)],
    ["write units", plan && formatCount(plan.writeUnits.total), took && formatCount(took.computed.writeUnits.total)],
    [
      "read units, at most",
      plan && formatCount(plan.readUnitsAtMost),
      took && formatCount(took.computed.readUnitsAtMost),
    ],
    ["price on AWS", plan && formatDollars(plan.price.total), took && formatDollars(took.computed.price.total)],
    ["time", plan && `at least ${formatDuration(plan.time.seconds * 1_000)} on AWS`, tookTime(job)],
  ];
  return (
    <>
      <Problem error={error} />
      {job.workflow === undefined && (
        <Empty title="A canvas is not planned again.">
          <p>The server keeps its plan, but not the text that it was started with. What it took is below.</p>
        </Empty>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label="plan and result">
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" class="right">
                Planned
              </th>
              <th scope="col" class="right">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, planned, is]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="right">{planned ?? ""}</td>
                <td class="right">{is ?? ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {plan && <PlanNotes plan={plan} />}
      {!took && <p class="quiet">The price is known once the job has ended and its counts are exact.</p>}
    </>
  );
}
function tookTime(job: Job): string {
  return formatDuration(Math.max(0, (job.endedAt ?? Date.now()) - job.createdAt));
}
/** What a plan leaves open, and what it was computed with. */
export function PlanNotes({ plan }: { readonly plan: JobPlan }) {
  return (
    <ul class="quiet notes">
      <li>
        {plan.price.region}, list prices of {plan.price.date}, {formatDuration(plan.secondsPerTask * 1_000)} a task
      </li>
      <li>
        mostly <Line text={plan.dominates} />
      </li>
      {plan.grows && <li>It grows while it runs: these are the runs that are known now.</li>}
      {plan.notes.map((note) => (
        <li key={note}>{visible(note)}</li>
      ))}
    </ul>
  );
}
