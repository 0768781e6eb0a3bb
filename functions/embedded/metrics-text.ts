import type { Health, QueueHealth } from "../api/dependencies.ts";
import { TASK_METRICS, taskGroup, type TaskMetric } from "../core/names/task-metrics.ts";
import type { ProcessCounts } from "./process-counts.ts";

type Labels = { readonly [name: string]: string };
type Sample = readonly [labels: Labels, value: number];

/**
 * Returns the metrics of a server in the text form of Prometheus.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function metricsText(
  { store, workers, slots, queues }: Health,
  counts: Pick<ProcessCounts, "tasks" | "storeWrites">,
): string {
  const text = new Text();
  const counted = counts.tasks.list();
  for (const [metric, help] of Object.entries(TASK_METRICS) as [TaskMetric, string][])
    text.add(
      "counter",
      `${metric}_total`,
      help,
      counted
        .filter((each) => each.metric === metric)
        .map(({ task, site, count }): Sample => [{ task, task_group: taskGroup(task), site }, count]),
    );
  text.add("counter", "store_writes_total", "Writes of the database, refused ones too", [[{}, counts.storeWrites]]);
  text.add("gauge", "store_writable", "1 while the disk takes writes", [[{}, store.writable ? 1 : 0]]);
  if (workers) {
    text.add("gauge", "workers", "Worker processes", [[{}, workers.total]]);
    text.add("gauge", "workers_ready", "Worker processes that take work", [[{}, workers.ready]]);
    text.add("counter", "worker_restarts_total", "Worker processes that were started again", [[{}, workers.restarts]]);
  }
  if (slots) {
    text.add("gauge", "slots", "Places for running tasks in all workers", [[{}, slots.total]]);
    text.add("gauge", "slots_busy", "Places that are taken", [[{}, slots.busy]]);
  }
  for (const [name, help, valueOf] of QUEUE_GAUGES)
    text.add(
      "gauge",
      name,
      help,
      Object.entries(queues).map(([queue, health]): Sample => [{ queue }, valueOf(health)]),
    );
  return text.end();
}
const QUEUE_GAUGES: readonly (readonly [string, string, (health: QueueHealth) => number])[] = [
  ["queue_ready", "Messages that wait", ({ ready }) => ready],
  ["queue_delayed", "Messages that wait for a time", ({ delayed }) => delayed],
  ["queue_in_flight", "Messages that were received", ({ inFlight }) => inFlight],
  ["queue_oldest_seconds", "Age of the oldest message that waits", ({ oldestSeconds = 0 }) => oldestSeconds],
  ["queue_started", "Runs that hold a lease", ({ started = 0 }) => started],
];

class Text {
  readonly #lines: string[] = [];

  add(type: "counter" | "gauge", name: string, help: string, samples: readonly Sample[]): void {
    const full = `fanfold_${name}`;
    this.#lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`);
    for (const [labels, value] of samples) {
      const pairs = Object.entries(labels).map(([label, each]) => `${label}="${escaped(each)}"`);
      this.#lines.push(`${full}${pairs.length > 0 ? `{${pairs.join()}}` : ""} ${value}`);
    }
  }
  end(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}
const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
