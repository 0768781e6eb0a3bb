import { useState } from "preact/hooks";
import type { Schedule, TriggeredSchedule } from "../../functions/client/index.ts";
import { formatCount, formatCounted, visible } from "../format.ts";
import { JobOf } from "./job-of.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Line } from "../parts/text.tsx";
import { server } from "../server.ts";

export type Asked = "fire" | "pause" | "resume" | "delete";
const WORDS: Readonly<Record<Asked, { title: string; says: string; button: string; done: string }>> = {
  fire: {
    title: "Fire this schedule now",
    says: "A job is started at once, also while the schedule is paused. What holds while the job before runs, holds here, too.",
    button: "Fire it",
    done: "",
  },
  pause: {
    title: "Pause this schedule",
    says: "Times that come meanwhile do not fire, and are not made up for. Jobs that run go on.",
    button: "Pause the schedule",
    done: "The schedule is paused.",
  },
  resume: {
    title: "Resume this schedule",
    says: "It fires from the next time on.",
    button: "Resume the schedule",
    done: "The schedule fires again.",
  },
  delete: {
    title: "Delete this schedule",
    says: "It fires no more. Its jobs go on. This cannot be undone.",
    button: "Delete the schedule",
    done: "The schedule is deleted.",
  },
};
interface ActionProps {
  readonly asked: Asked;
  readonly name: string;
  readonly onClose: () => void;
}
/** Fires, pauses, resumes or deletes a schedule. */
export function ScheduleAction({ asked, name, onClose }: ActionProps) {
  const { title, says, button, done } = WORDS[asked];
  // One key for the dialog: a press that is repeated fires once.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  return (
    <Confirm<Schedule>
      title={title}
      danger={asked === "delete"}
      look={() => server().schedule(name)}
      say={() => (
        <>
          <p>
            <Line text={name} />
          </p>
          <p>{says}</p>
        </>
      )}
      button={() => button}
      act={async () => {
        if (asked === "fire") return <Fired fired={await server().triggerSchedule(name, { idempotencyKey })} />;
        if (asked === "pause") await server().pauseSchedule(name);
        else if (asked === "resume") await server().resumeSchedule(name);
        else await server().deleteSchedule(name);
        return <p>{done}</p>;
      }}
      onClose={onClose}
    />
  );
}
function Fired({ fired: { jobs, skipped, queued, errors } }: { readonly fired: TriggeredSchedule }) {
  return (
    <>
      <p>{formatCounted(jobs.length, "job")} started.</p>
      <ul>
        {jobs.map((job) => (
          <JobOf key={job.jobId} {...job} />
        ))}
      </ul>
      {skipped > 0 && <p>{formatCount(skipped)} left out, because the job before has not ended.</p>}
      {queued > 0 && <p>{formatCounted(queued, "job")} will start when the job before has ended.</p>}
      {errors.map(({ element = "", code, message }) => (
        <p key={element} class="problem">
          <bdi>{visible(`${element} ${message}`)}</bdi> <code>{code}</code>
        </p>
      ))}
    </>
  );
}
