import { canonicalJson, type Json } from "../../core/json.ts";
import type { ExecutionError, Executions } from "../../engine/ports.ts";

export interface MemoryExecution {
  readonly machine: string;
  readonly name: string;
  readonly input: Json;
  /** Absent while it runs. */
  end?: { readonly output: Json } | { readonly failed: ExecutionError };
  /** Reason for which it was stopped. Set only when it was. */
  stopped?: string;
}

/** Keeps executions of state machines in memory. None runs by itself, so the test sets how an execution ends. */
export class MemoryExecutions {
  readonly all = new Map<string, MemoryExecution>();
  /** Names of machines that do not exist. */
  readonly unknown = new Set<string>();
  /** Awaited before a start arrives. */
  beforeStart: (() => Promise<void>) | undefined;

  begin(machine: string, name: string, input: Json): "started" | "exists" | { readonly refused: ExecutionError } {
    if (this.unknown.has(machine))
      return { refused: { error: "StateMachineDoesNotExist", cause: `no state machine ${machine}` } };
    const standing = this.all.get(name);
    if (standing && (standing.machine !== machine || canonicalJson(standing.input) !== canonicalJson(input)))
      throw new Error(`${name} is another execution`);
    // On AWS a second start of a running execution succeeds and changes nothing.
    if (standing) return standing.end ? "exists" : "started";
    this.all.set(name, { machine, name, input });
    return "started";
  }
  endOf(name: string): MemoryExecution["end"] {
    return this.all.get(name)?.end;
  }
  halt(name: string, cause: string): void {
    const execution = this.all.get(name);
    if (!execution || execution.end) return;
    execution.stopped = cause;
    execution.end = { failed: { error: "ExecutionAborted", cause } };
  }
  running(): readonly MemoryExecution[] {
    return [...this.all.values()].filter(({ end }) => end === undefined);
  }

  port(): Executions {
    return {
      start: async (machine, name, input) => {
        await this.beforeStart?.();
        return this.begin(machine, name, input);
      },
      endOf: async (_machine, name) => this.endOf(name),
      stop: async (_machine, name, cause) => this.halt(name, cause),
    };
  }
}
