import { useEffect, useRef, useState } from "preact/hooks";
import type { Json } from "../../functions/client/index.ts";
import { visible } from "../format.ts";
import { server } from "../server.ts";
import { placeOf } from "./json-place.ts";

const EXAMPLE = {
  chain: [
    { task: "math.add", args: [1, 2] },
    { task: "math.add", args: [3] },
  ],
};

/** Returns the text to begin with: an example, or the call of a run that is to be run again with other input. */
export async function callOfRun(runId: string | undefined): Promise<{ text: string; note: string }> {
  if (runId === undefined) return { text: JSON.stringify(EXAMPLE, null, 2), note: "" };
  const { task, args = [], kwargs = {}, inputOf } = await server().run(runId);
  const before = inputOf === undefined ? [] : [((await server().run(inputOf)).value ?? null) as Json];
  const call = { task: task ?? "", args: [...before, ...args], ...(Object.keys(kwargs).length > 0 && { kwargs }) };
  return { text: JSON.stringify(call, null, 2), note: `The call of run ${runId}. It starts as a job of its own.` };
}

interface CanvasEditorProps {
  readonly initial: string;
  readonly note: string;
  readonly problem: Error | undefined;
  readonly onChange: (canvas: Json | undefined) => void;
}
/** A canvas as JSON. What is wrong with it is said with its line, and can be gone to. */
export function CanvasEditor({ initial, note, problem, onChange }: CanvasEditorProps) {
  const [text, setText] = useState(initial);
  const area = useRef<HTMLTextAreaElement>(null);
  const read = readCanvas(text);
  useEffect(() => onChange(read.canvas), [text]);
  const wrong = read.problem ?? (problem && { message: problem.message, at: placeIn(text, problem) });
  const line = wrong?.at === undefined ? undefined : text.slice(0, wrong.at).split("\n").length;
  const show = (): void => {
    const at = wrong?.at ?? 0;
    area.current?.focus();
    area.current?.setSelectionRange(at, at + 1);
  };
  return (
    <div class="field">
      <label for="canvas">
        <span class="strong">Canvas</span> <span class="quiet">{visible(note)}</span>
      </label>
      <textarea
        id="canvas"
        ref={area}
        rows={14}
        spellcheck={false}
        value={text}
        aria-invalid={wrong !== undefined}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {wrong && (
        <p class="problem" role="alert">
          {line !== undefined && `line ${line}: `}
          <bdi>{visible(wrong.message)}</bdi>{" "}
          {line !== undefined && (
            <button type="button" class="small" onClick={show}>
              go there
            </button>
          )}
        </p>
      )}
    </div>
  );
}
interface Read {
  readonly canvas?: Json;
  readonly problem?: { readonly message: string; readonly at: number | undefined };
}
function readCanvas(text: string): Read {
  try {
    return { canvas: JSON.parse(text) as Json };
  } catch (error) {
    const { message } = error as Error;
    const at = /position (\d+)/.exec(message)?.[1];
    return { problem: { message, at: at === undefined ? undefined : Number(at) } };
  }
}
function placeIn(text: string, problem: Error): number | undefined {
  const { field } = ((problem as { details?: { field?: unknown } }).details ?? {}) as { field?: unknown };
  return typeof field === "string" && field.startsWith("/canvas") ? placeOf(text, field.slice(7)) : undefined;
}
