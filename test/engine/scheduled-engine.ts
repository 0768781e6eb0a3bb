import { createCalendar } from "../../functions/calendar/calendar.ts";
import type { ScheduleSpec } from "../../functions/core/schedule/schedule.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import type { JobView } from "../../functions/engine/contract.ts";
import type { Ports } from "../../functions/engine/ports.ts";
import type { AnyTask } from "../../functions/sdk/any-task.ts";
import { createWorkflows, type Workflow } from "../../functions/sdk/workflow.ts";
import { LocalEngine } from "./local-engine.ts";

const SWEEP_MS = 60_000;

/** An engine with schedules, whose sweeper and messages run as time passes. */
export class ScheduledEngine extends LocalEngine {
  constructor(
    tasks: Iterable<AnyTask>,
    workflows: Iterable<Workflow> = [],
    config: Partial<EngineConfig> = {},
    around: (ports: Ports) => Ports = (ports) => ports,
  ) {
    const found = createWorkflows(workflows);
    const schedules = createCalendar((workflow: string, fields: unknown) => found.start(workflow, fields));
    const scheduled = (ports: Ports): Ports => ({ ...ports, schedules });
    super(tasks, config, { around: (ports) => around(scheduled(ports)) });
    this.scheduled = scheduled;
  }
  /** Adds what schedules need to the ports of another process. */
  readonly scheduled: (ports: Ports) => Ports;

  put(name: string, spec: ScheduleSpec) {
    return this.engine.putSchedule(name, spec);
  }
  at(time: string): void {
    this.clock.set(Date.parse(time));
  }
  /** Lets time pass: messages are handled when they are visible, and the sweeper runs every minute. */
  async until(time: string | number): Promise<void> {
    const end = typeof time === "number" ? time : Date.parse(time);
    let sweepAt = this.clock.now();
    for (;;) {
      if (this.clock.now() >= sweepAt) {
        await this.passing(this.engine.sweep());
        sweepAt = this.clock.now() + SWEEP_MS;
      }
      if (await this.turn()) continue;
      const visible = await this.queue.nextVisibleAt(this.queues);
      const next = Math.min(sweepAt, Math.max(visible ?? Number.POSITIVE_INFINITY, this.clock.now() + 1));
      if (next > end) return this.clock.set(Math.max(end, this.clock.now()));
      this.clock.set(next);
    }
  }
  /** Returns the jobs, the oldest first. */
  async jobs(): Promise<readonly JobView[]> {
    return (await this.engine.jobs({ limit: 1_000 })).items.toReversed();
  }
  /** Returns the nominal times of all jobs, as texts. */
  async fired(): Promise<readonly string[]> {
    const times = (await this.jobs()).map(({ schedule }) => schedule?.at ?? 0).toSorted((a, b) => a - b);
    return times.map((at) => new Date(at).toISOString().replace(".000Z", "Z"));
  }
}
