import type * as OpenTelemetryApi from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { Json, JsonObject } from "../core/json.ts";
import { ownerOf } from "../core/plan/run-id.ts";
import type { BulkOutcome, TaskCall, TaskOutcome, TaskRunner } from "../core/task/invocation.ts";
import type { Engine } from "../engine/contract.ts";
import type { OutgoingMessage, Queue, ReceivedMessage } from "../engine/ports.ts";

type Api = typeof OpenTelemetryApi;

/** What is put around the parts of an engine so that its work is traced. */
export interface Tracing {
  queue(queue: Queue): Queue;
  runner(runner: TaskRunner): TaskRunner;
  engine(engine: Engine): Engine;
  /** Sends the spans that wait. It gives up after two seconds. */
  flush(): Promise<void>;
}
const UNTRACED: Tracing = {
  queue: (queue) => queue,
  runner: (runner) => runner,
  engine: (engine) => engine,
  flush: async () => undefined,
};

/** Where the API keeps what an SDK has registered. Without it there is nothing to trace, and the API is not loaded. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * Returns what traces an engine, once the tasks of this process are loaded. Without an SDK of OpenTelemetry, and its
 * propagator, nothing is traced and nothing costs anything.
 */
export async function openTracing(): Promise<Tracing> {
  if (!(REGISTERED in globalThis)) return UNTRACED;
  try {
    const api = await import("@opentelemetry/api");
    return api.propagation.fields().length === 0 ? UNTRACED : new OpenTelemetry(api);
  } catch {
    return UNTRACED;
  }
}

/** Field of a message that carries the context of its sender. The engine does not read it. */
const FIELD = "trace";
/** Characters of a context that a message carries. Baggage that is longer is left out. */
const CARRIED = 512;
/** Attempts whose children are still to be sent. Older ones are forgotten; their children then follow the message. */
const REMEMBERED = 1_000;
const FLUSH_MS = 2_000;

/**
 * Spans of an engine. The context travels in messages and in no item, so tracing writes nothing more.
 *
 *     submit -> message -> attempt -> message (expands its children) -> message -> attempt of a child
 */
class OpenTelemetry implements Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;
  /** Contexts of attempts by run. */
  readonly #attempts = new Map<string, Context>();

  constructor(api: Api) {
    this.#api = api;
    this.#tracer = api.trace.getTracer("fanfold");
  }

  queue(queue: Queue): Queue {
    const { maxDelaySeconds, depthLagSeconds } = queue;
    return {
      maxDelaySeconds,
      ...(depthLagSeconds !== undefined && { depthLagSeconds }),
      depth: (name) => queue.depth(name),
      send: (messages) => queue.send(messages.map((message) => this.#carrying(message))),
    };
  }
  engine(engine: Engine): Engine {
    const { SpanKind } = this.#api;
    const active = (): Context => this.#api.context.active();
    return {
      ...engine,
      submit: (request) =>
        this.#within("fanfold submit", { kind: SpanKind.PRODUCER }, active(), async (span) => {
          const submitted = await engine.submit(request);
          span.setAttributes({ "fanfold.job.id": submitted.jobId, "fanfold.job.created": submitted.created });
          return submitted;
        }),
      submitMany: (requests) =>
        this.#within("fanfold submit", { kind: SpanKind.PRODUCER }, active(), async (span) => {
          span.setAttribute("fanfold.jobs", requests.length);
          return engine.submitMany(requests);
        }),
      handle: (message, loop) => this.#message(message, () => engine.handle(message, loop)),
      handleDeadLetter: (message, loop) => this.#message(message, () => engine.handleDeadLetter(message, loop)),
    };
  }
  runner(runner: TaskRunner): TaskRunner {
    return {
      limits: (call) => runner.limits(call),
      runHook: (task, hook, call) => runner.runHook(task, hook, call),
      run: (call) => this.#attempt(runner, call),
      runBulk: (call) =>
        this.#within(`call ${call.task}`, { attributes: bulkAttributes(call) }, this.#api.context.active(), (span) =>
          runner.runBulk(call).then((outcome) => this.#endBulk(span, outcome)),
        ),
    };
  }
  async flush(): Promise<void> {
    const provider = this.#api.trace.getTracerProvider() as Flushing & { getDelegate?: () => Flushing };
    const registered = provider.getDelegate?.() ?? provider;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_MS)));
    // A collector that is away must not keep work from ending.
    await Promise.race([registered.forceFlush?.().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  #message<T>(message: ReceivedMessage, handle: () => Promise<T>): Promise<T> {
    const { propagation, ROOT_CONTEXT, SpanKind } = this.#api;
    const body = isObject(message.body) ? message.body : {};
    const carrier = isObject(body[FIELD]) ? body[FIELD] : undefined;
    const parent = carrier === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, carrier);
    const kind = typeof body["kind"] === "string" ? body["kind"] : "unknown";
    const attributes: Attributes = {
      "fanfold.message.kind": kind,
      "fanfold.queue": message.queue,
      "fanfold.message.receives": message.receives,
      ...(typeof body["gid"] === "string" && { "fanfold.group.id": body["gid"] }),
    };
    return this.#within(`message ${kind}`, { kind: SpanKind.CONSUMER, attributes }, parent, handle);
  }
  #attempt(runner: TaskRunner, call: TaskCall): ReturnType<TaskRunner["run"]> {
    const { context, trace } = this.#api;
    const span = this.#tracer.startSpan(`run ${call.task}`, { attributes: attributesOf(call) }, context.active());
    const within = trace.setSpan(context.active(), span);
    this.#remember(call.runId, within);
    const end = (outcome: TaskOutcome): TaskOutcome => {
      if (outcome.kind === "stream") return { ...outcome, items: this.#items(outcome.items, span, within) };
      this.#end(span, outcome);
      return outcome;
    };
    const running = context.with(within, () => runner.run(call));
    return running instanceof Promise ? running.then(end) : end(running);
  }
  /** The code of a streaming task runs while its items are read. */
  async *#items(items: Items, span: Span, within: Context): Items {
    const { context } = this.#api;
    try {
      for (;;) {
        const next = await context.with(within, () => items.next());
        if (next.done === true) return next.value;
        yield next.value;
      }
    } catch (thrown) {
      this.#fail(span, thrown);
      throw thrown;
    } finally {
      await context.with(within, () => items.return(undefined));
      span.end();
    }
  }
  #end(span: Span, outcome: Exclude<TaskOutcome, { readonly kind: "stream" }>): void {
    span.setAttribute("fanfold.outcome", outcome.kind);
    if ("error" in outcome) {
      const { name, message, reason } = outcome.error;
      span.recordException({ name, message });
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: reason ?? name });
    }
    span.end();
  }
  #endBulk(span: Span, outcome: BulkOutcome): BulkOutcome {
    span.setAttribute("fanfold.outcome", outcome.kind);
    if (outcome.kind === "failed") this.#fail(span, outcome.outcome.error);
    return outcome;
  }
  async #within<T>(
    name: string,
    options: Parameters<Tracer["startSpan"]>[1],
    parent: Context,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const { context, trace } = this.#api;
    const span = this.#tracer.startSpan(name, options, parent);
    try {
      return await context.with(trace.setSpan(parent, span), () => work(span));
    } catch (thrown) {
      this.#fail(span, thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }
  #fail(span: Span, thrown: unknown): void {
    const { name = "Error", message = String(thrown) } = isObject(thrown) ? (thrown as Partial<Error>) : {};
    span.recordException({ name, message });
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: name });
  }

  #remember(runId: string, context: Context): void {
    this.#attempts.delete(runId);
    this.#attempts.set(runId, context);
    if (this.#attempts.size <= REMEMBERED) return;
    const [oldest] = this.#attempts.keys();
    this.#attempts.delete(oldest as string);
  }
  /** Children of a run follow its attempt, and everything else follows what sends it. */
  #carrying(message: OutgoingMessage): OutgoingMessage {
    const { context, propagation } = this.#api;
    if (!isObject(message.body)) return message;
    const gid = message.body["gid"];
    const owner = typeof gid === "string" ? ownerOf(gid) : undefined;
    const sender = (owner === undefined ? undefined : this.#attempts.get(owner)) ?? context.active();
    const carrier: Record<string, string> = {};
    propagation.inject(sender, carrier);
    const { traceparent } = carrier;
    const carried = JSON.stringify(carrier).length <= CARRIED ? carrier : traceparent ? { traceparent } : {};
    return Object.keys(carried).length === 0 ? message : { ...message, body: { ...message.body, [FIELD]: carried } };
  }
}

type Items = Extract<TaskOutcome, { readonly kind: "stream" }>["items"];
interface Flushing {
  forceFlush?(): Promise<void>;
}
function attributesOf({ task, jobId, runId, attempt, round, queue, site, groupId }: TaskCall): Attributes {
  const parent = ownerOf(groupId);
  return {
    "fanfold.task": task,
    "fanfold.job.id": jobId,
    "fanfold.run.id": runId,
    "fanfold.attempt": attempt,
    "fanfold.round": round,
    "fanfold.queue": queue,
    "fanfold.site": site,
    ...(parent !== undefined && { "fanfold.parent.run.id": parent }),
  };
}
function bulkAttributes({ task, queue, site, runs }: Parameters<TaskRunner["runBulk"]>[0]): Attributes {
  return { "fanfold.task": task, "fanfold.queue": queue, "fanfold.site": site, "fanfold.runs": runs.length };
}
function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value as Json);
}
