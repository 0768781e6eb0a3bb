import type { Job, RetryPreview, RetrySelection } from "../../functions/client/index.ts";
import { formatCount, formatCounted } from "../format.ts";
import { Confirm } from "../parts/dialog.tsx";
import { Badge, Line } from "../parts/text.tsx";
import { codeOf, server } from "../server.ts";
import { endedOf } from "../states.ts";

const KEEP = { name: "keep", label: "keep the results of later steps that had consumed what failed" } as const;

interface RetryProps {
  readonly job: Pick<Job, "jobId">;
  /** Default: all that failed. */
  readonly selection?: RetrySelection;
  readonly title?: string;
  readonly onClose: () => void;
}
/** Retries what failed in a job, or a part of it. */
export function RetryJob({ job: { jobId }, selection = {}, title, onClose }: RetryProps) {
  const chosen = (options: readonly string[]): RetrySelection => ({
    ...selection,
    ...(options.includes(KEEP.name) && { keepDownstream: true }),
  });
  return (
    <Confirm<RetryPreview>
      title={title ?? "Retry what failed"}
      look={(options) => server().previewRetry(jobId, chosen(options))}
      say={(preview) => <Preview preview={preview} />}
      button={({ runs, exact }) =>
        runs === 0 ? undefined : `Retry ${exact ? "" : "at least "}${formatCounted(runs, "run")}`
      }
      act={async (_preview, options) => {
        const { round } = await server().retry(jobId, { ...chosen(options), idempotencyKey: crypto.randomUUID() });
        return <p>Round {round} has begun.</p>;
      }}
      options={[KEEP]}
      onClose={onClose}
    />
  );
}
function Preview({ preview: { round, failures, again } }: { readonly preview: RetryPreview }) {
  return (
    <>
      <p>In round {round} these would run again:</p>
      <ul>
        {failures.map(({ task, reason, status, count }) => (
          <li key={`${task} ${reason} ${status}`}>
            <Badge state={status} /> {formatCount(count)} × <Line text={task} />: <Line text={reason} />
          </li>
        ))}
      </ul>
      {again.length > 0 && (
        <p>
          And again, because they had consumed them:{" "}
          {again.map(({ task, count }, at) => (
            <span key={task}>
              {at > 0 && ", "}
              <Line text={task} /> ({formatCount(count)})
            </span>
          ))}
        </p>
      )}
    </>
  );
}

interface CancelProps {
  readonly job: Job;
  readonly onClose: () => void;
}
export function CancelJob({ job: { jobId }, onClose }: CancelProps) {
  return (
    <Confirm<Job>
      title="Cancel this job"
      danger
      look={() => server().job(jobId)}
      say={(job) => (
        <p>
          {formatCounted(Math.max(0, job.planned - endedOf(job)), "run")} of those that are known would end as
          cancelled. What has ended stays. A cancelled job can be retried later.
        </p>
      )}
      button={() => "Cancel the job"}
      act={async () =>
        (await server().cancel(jobId)) ? <p>The job is being cancelled.</p> : <p>The job had already ended.</p>
      }
      onClose={onClose}
    />
  );
}
/** Says why a job was left by an action on many. */
export function reasonOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
