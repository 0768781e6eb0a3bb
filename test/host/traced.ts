import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Registers an SDK of OpenTelemetry in this process, as a program does before it starts an engine. */
export function registerTracing(): Spans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return new Spans(exporter);
}
export function unregisterTracing(): void {
  for (const api of [trace, context, propagation]) api.disable();
}

/** The spans that have ended. */
export class Spans {
  readonly #exporter: InMemorySpanExporter;
  constructor(exporter: InMemorySpanExporter) {
    this.#exporter = exporter;
  }
  get all(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }
  named(name: string): readonly ReadableSpan[] {
    return this.all.filter((span) => span.name === name);
  }
  /** Returns the names of a span and of all above it. */
  pathOf(span: ReadableSpan): readonly string[] {
    const parent = this.all.find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId);
    return [span.name, ...(parent ? this.pathOf(parent) : [])];
  }
}
