import { useEffect, useState } from "preact/hooks";
import type { JobPlan, Json, JsonObject, WorkflowInfo } from "../../functions/client/index.ts";
import { formatCounted, formatDollars, formatDuration, visible } from "../format.ts";
import { PlanNotes } from "../job/plan-tab.tsx";
import { Command } from "../parts/buttons.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { type Route, go, setQuery, to } from "../route.ts";
import { server, useLive } from "../server.ts";
import { FieldForm } from "./field-form.tsx";
import { CanvasEditor, callOfRun } from "./canvas-editor.tsx";
import { initialFields } from "./fields.ts";

/** Milliseconds without a change until the plan is asked for. */
const QUIET_MS = 400;
const CANVAS = "canvas as JSON";

/** What is to be started; undefined while it cannot be read. */
export type Work =
  | { readonly kind: "workflow"; readonly name: string; readonly fields: JsonObject }
  | { readonly kind: "canvas"; readonly canvas: Json };

/** Starts a job: a workflow by a form of its fields, or a canvas. What it would cost comes before the button. */
export function StartPage({ route }: { readonly route: Route }) {
  const { value: workflows, error } = useLive("workflows", () => server().workflows());
  const run = route.query.get("run") ?? undefined;
  const chosen = route.query.get("workflow") ?? "";
  if (!workflows) return error ? <Problem error={error} /> : <Loading what="workflows" />;
  const asCanvas = run !== undefined || route.query.get("canvas") !== null || workflows.length === 0;
  const workflow = asCanvas ? undefined : (workflows.find(({ name }) => name === chosen) ?? workflows[0]);
  return (
    <>
      <div class="title">
        <h1>New job</h1>
      </div>
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        <label>
          what
          <select
            value={workflow?.name ?? CANVAS}
            onChange={({ currentTarget: { value } }) =>
              setQuery(route, { run: "", canvas: value === CANVAS ? "1" : "", workflow: value === CANVAS ? "" : value })
            }
          >
            {workflows.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
            <option value={CANVAS}>{CANVAS}</option>
          </select>
        </label>
      </form>
      {workflows.length === 0 && (
        <Empty title="There is no workflow.">
          <p>Export one from functions/tasks. A canvas can be started without.</p>
        </Empty>
      )}
      {workflow ? <WorkflowForm key={workflow.name} workflow={workflow} /> : <CanvasForm key={run ?? ""} run={run} />}
    </>
  );
}

function WorkflowForm({ workflow }: { readonly workflow: WorkflowInfo }) {
  const [fields, setFields] = useState<JsonObject>(() => initialFields(workflow.parametersSchema));
  const [broken, setBroken] = useState<readonly string[]>([]);
  const work: Work | undefined = broken.length > 0 ? undefined : { kind: "workflow", name: workflow.name, fields };
  const { plan, error } = usePlan(work);
  return (
    <>
      {workflow.description !== "" && <p>{visible(workflow.description)}</p>}
      <FieldForm
        schema={workflow.parametersSchema}
        fields={fields}
        problem={error}
        set={setFields}
        setBroken={(name, is) =>
          setBroken((before) => (is ? [...new Set([...before, name])] : before.filter((each) => each !== name)))
        }
      />
      <Start work={work} plan={plan} error={error} />
    </>
  );
}
function CanvasForm({ run }: { readonly run: string | undefined }) {
  const call = useLive(`call ${run ?? ""}`, () => callOfRun(run));
  const [canvas, setCanvas] = useState<Json | undefined>();
  const work: Work | undefined = canvas === undefined ? undefined : { kind: "canvas", canvas };
  const { plan, error } = usePlan(work);
  if (call.value === undefined) return call.error ? <Problem error={call.error} /> : <Loading what="the run" />;
  return (
    <>
      <CanvasEditor initial={call.value.text} note={call.value.note} problem={error} onChange={setCanvas} />
      <Start work={work} plan={plan} error={error} />
    </>
  );
}

interface Planned {
  readonly plan?: JobPlan;
  readonly error?: Error;
}
/** Asks what the work would take, once it has not changed for a moment. A start would refuse what this refuses. */
function usePlan(work: Work | undefined): Planned {
  const [planned, setPlanned] = useState<Planned & { readonly of?: string }>({});
  const key = JSON.stringify(work);
  useEffect(() => {
    if (work === undefined) return;
    let ended = false;
    const ask = (): Promise<JobPlan> =>
      work.kind === "workflow" ? server().planWorkflow(work.name, work.fields) : server().planWire(work.canvas);
    const timer = setTimeout(() => {
      ask().then(
        (plan) => ended || setPlanned({ plan, of: key }),
        (error: unknown) => ended || setPlanned({ error: error as Error, of: key }),
      );
    }, QUIET_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [key]);
  return work === undefined || planned.of !== key ? {} : planned;
}

interface StartProps extends Planned {
  readonly work: Work | undefined;
}
function Start({ work, plan, error }: StartProps) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Error>();
  const start = (): void => {
    if (work === undefined) return;
    setBusy(true);
    setFailed(undefined);
    const options = { idempotencyKey: crypto.randomUUID() };
    (work.kind === "workflow"
      ? server().start(work.name, work.fields, options)
      : server().submitWire(work.canvas, options)
    )
      .then(
        ({ jobId }) => go(to(["jobs", jobId])),
        (problem: unknown) => setFailed(problem as Error),
      )
      .finally(() => setBusy(false));
  };
  return (
    <>
      <section class="pane" aria-live="polite">
        <h2>What it would take</h2>
        {plan ? (
          <>
            <p>
              {formatCounted(plan.taskRuns, "task run")}, {formatCounted(plan.messages.total, "message")}. On AWS{" "}
              <strong>{formatDollars(plan.price.total)}</strong> and at least{" "}
              {formatDuration(plan.time.seconds * 1_000)}.
            </p>
            <PlanNotes plan={plan} />
          </>
        ) : (
          <p class="quiet">{work === undefined || error ? "Known once the input can be read." : "asking …"}</p>
        )}
      </section>
      <Problem error={failed} />
      <div class="actions">
        <button type="button" class="primary" disabled={busy || plan === undefined} onClick={start}>
          Start the job
        </button>
      </div>
      {work?.kind === "workflow" && <Command text={commandOf(work.name, work.fields)} />}
    </>
  );
}
function commandOf(name: string, fields: JsonObject): string {
  const given = Object.entries(fields).map(([key, value]) => {
    const text = `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`;
    return ` -f ${/^[\w./@:+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`}`;
  });
  return `npm run fanfold -- submit ${name}${given.join("")}`;
}
