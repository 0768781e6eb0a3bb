import { useState } from "preact/hooks";
import type { PauseTarget } from "../../functions/client/index.ts";
import { Confirm } from "../parts/dialog.tsx";
import { Line } from "../parts/text.tsx";
import { server } from "../server.ts";

interface PauseButtonProps {
  readonly target: PauseTarget;
  readonly paused: boolean;
  readonly onDone: () => void;
}
/** Lets nothing more of a queue, a site or a task start, or goes on with it. */
export function PauseButton({ target, paused, onDone }: PauseButtonProps) {
  const [asked, setAsked] = useState<{ readonly resumes: boolean }>();
  return (
    <>
      <button
        type="button"
        class="small"
        aria-label={`${paused ? "resume" : "pause"} ${target.kind} ${target.name}`}
        onClick={() => setAsked({ resumes: paused })}
      >
        {paused ? "Resume …" : "Pause …"}
      </button>
      {asked && (
        <PauseDialog
          target={target}
          resumes={asked.resumes}
          onClose={() => {
            setAsked(undefined);
            onDone();
          }}
        />
      )}
    </>
  );
}

interface PauseDialogProps {
  readonly target: PauseTarget;
  readonly resumes: boolean;
  readonly onClose: () => void;
}
export function PauseDialog({ target, resumes, onClose }: PauseDialogProps) {
  const { kind, name } = target;
  return (
    <Confirm
      title={`${resumes ? "Resume" : "Pause"} this ${kind}`}
      look={() => Promise.resolve(target)}
      say={() => (
        <>
          {kind !== "job" && (
            <p>
              {kind} <Line text={name} />
            </p>
          )}
          <p>
            {resumes
              ? "What waits starts again."
              : "Nothing more of it starts until it is resumed. What runs goes on to its end, and deadlines run on."}
          </p>
        </>
      )}
      button={() => `${resumes ? "Resume" : "Pause"} the ${kind}`}
      act={async () => {
        if (!resumes)
          return (
            <p>
              The {kind} is {(await server().pause(target)).state}.
            </p>
          );
        return <p>{(await server().resume(target)) ? `The ${kind} goes on.` : `The ${kind} was not paused.`}</p>;
      }}
      onClose={onClose}
    />
  );
}
