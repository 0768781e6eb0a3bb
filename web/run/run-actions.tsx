import { useState } from "preact/hooks";
import type { Json, Run } from "../../functions/client/index.ts";
import { RetryJob } from "../job/job-actions.tsx";
import { Confirm, Dialog } from "../parts/dialog.tsx";
import { Problem } from "../parts/notes.tsx";
import { Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { server } from "../server.ts";
import { isEnd } from "../states.ts";

interface RunActionsProps {
  readonly run: Run;
  readonly reload: () => void;
}
type Asked = "retry" | "revoke" | "approve" | "reject" | "send";
export function RunActions({ run, reload }: RunActionsProps) {
  const [asked, setAsked] = useState<Asked>();
  const failed = run.status === "error" || run.status === "broken" || run.status === "cancelled";
  const event = eventOf(run);
  const close = (): void => {
    setAsked(undefined);
    reload();
  };
  const button = (what: Asked, words: string, look = "") => (
    <button type="button" class={look} onClick={() => setAsked(what)}>
      {words}
    </button>
  );
  return (
    <div class="actions">
      {run.wait?.token !== undefined && !isEnd(run.status) && (
        <>
          {button("approve", "Approve …", "primary")}
          {button("reject", "Reject …")}
        </>
      )}
      {event !== undefined && button("send", "Send the event …", "primary")}
      {failed && button("retry", "Retry this run …", "primary")}
      {!isEnd(run.status) && button("revoke", "Revoke …")}
      {run.args !== undefined && (
        <a class="button" href={to(["start"], { run: run.runId })}>
          Run again with other input …
        </a>
      )}
      {asked === "retry" && (
        <RetryJob job={run} selection={{ runIds: [run.runId] }} title="Retry this run" onClose={close} />
      )}
      {asked === "revoke" && <Revoke run={run} onClose={close} />}
      {(asked === "approve" || asked === "reject") && <Answer run={run} reject={asked === "reject"} onClose={close} />}
      {asked === "send" && event !== undefined && <Send run={run} event={event} onClose={close} />}
    </div>
  );
}
function eventOf({ unmet, wait, status }: Run): string | undefined {
  if (isEnd(status)) return undefined;
  return unmet?.find(({ of }) => of === "event")?.name ?? (wait?.of === "event" ? wait.name : undefined);
}

function Revoke({ run, onClose }: { readonly run: Run; readonly onClose: () => void }) {
  return (
    <Confirm<Run>
      title="Revoke this run"
      danger
      look={() => server().run(run.runId)}
      say={({ status }) => (
        <p>
          {isEnd(status)
            ? "It has ended meanwhile."
            : "It ends as cancelled, with what would have followed it in its strand. The job goes on."}
        </p>
      )}
      button={({ status }) => (isEnd(status) ? undefined : "Revoke the run")}
      act={async () => ((await server().cancelRun(run.runId)) ? <p>It was revoked.</p> : <p>It had already ended.</p>)}
      onClose={onClose}
    />
  );
}

interface AnswerProps {
  readonly run: Run;
  readonly reject: boolean;
  readonly onClose: () => void;
}
export function Answer({ run, reject, onClose }: AnswerProps) {
  const send = async (text: string): Promise<string> => {
    const token = run.wait?.token ?? "";
    const answer = reject ? { error: { name: "Rejected", message: text } } : { value: readJson(text) };
    return (await server().complete(run.runId, token, answer)) ? "It was answered." : "It had been answered before.";
  };
  return (
    <Ask
      title={reject ? "Reject" : "Approve"}
      label={reject ? "Why? It becomes the message of the error." : "Value that the run is given, as JSON"}
      initial={reject ? "" : "true"}
      about={`${run.wait?.of} ${run.wait?.name}`}
      button={reject ? "Reject" : "Approve"}
      danger={reject}
      send={send}
      onClose={onClose}
    />
  );
}
interface SendProps {
  readonly run: Run;
  readonly event: string;
  readonly onClose: () => void;
}
export function Send({ run, event, onClose }: SendProps) {
  const send = async (text: string): Promise<string> =>
    (await server().sendEvent(run.jobId, event, readJson(text)))
      ? "The event was sent."
      : "The job had been sent this event before, or has ended.";
  return (
    <Ask
      title="Send the event"
      label="Value that every run that waits for it is given, as JSON"
      initial="null"
      about={`event ${event}`}
      button="Send"
      send={send}
      onClose={onClose}
    />
  );
}
function readJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new Error(`This is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

interface AskProps {
  readonly title: string;
  readonly about: string;
  readonly label: string;
  readonly initial: string;
  readonly button: string;
  readonly danger?: boolean;
  readonly send: (text: string) => Promise<string>;
  readonly onClose: () => void;
}
function Ask({ title, about, label, initial, button, danger, send, onClose }: AskProps) {
  const [text, setText] = useState(initial);
  const [done, setDone] = useState<string>();
  const [error, setError] = useState<Error>();
  const submit = (): void => {
    setError(undefined);
    send(text).then(setDone, (problem: unknown) => setError(problem as Error));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>
        <Line text={about} />
      </p>
      {done === undefined ? (
        <label class="field">
          {label}
          <textarea rows={4} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      ) : (
        <p>{done}</p>
      )}
      <Problem error={error} />
      <div class="actions">
        {done === undefined && (
          <button type="button" class={danger ? "danger" : "primary"} onClick={submit}>
            {button}
          </button>
        )}
        <button type="button" onClick={onClose}>
          {done === undefined ? "Leave it" : "Close"}
        </button>
      </div>
    </Dialog>
  );
}
