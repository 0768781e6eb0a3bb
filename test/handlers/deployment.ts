import type { Context, SQSEvent, SQSRecord } from "aws-lambda";
import type { Json } from "../../functions/core/json.ts";
import { ENGINE_QUEUE } from "../../functions/core/names/queue-name.ts";
import type { EngineConfig } from "../../functions/engine/config.ts";
import { PortError, type Supervisions, type Tokens } from "../../functions/engine/ports.ts";
import { createHandler as api } from "../../functions/handlers/api.ts";
import { createHandler as control } from "../../functions/handlers/control.ts";
import { createHandler as deadLetter } from "../../functions/handlers/dead-letter.ts";
import type { DeployedCode } from "../../functions/handlers/deployed-code.ts";
import { describeTasks } from "../../functions/handlers/describe-tasks.ts";
import { readEnvironment } from "../../functions/handlers/environment.ts";
import {
  type FunctionEngine,
  type Open,
  openFunction,
  type Surroundings,
  type Wanted,
} from "../../functions/handlers/open-function.ts";
import { createHandler as supervisor } from "../../functions/handlers/supervisor.ts";
import { createHandler as sweeper } from "../../functions/handlers/sweeper.ts";
import { createHandler as worker } from "../../functions/handlers/worker.ts";
import { SystemIds } from "../../functions/host/system-ids.ts";
import { MemoryBlobs } from "../../functions/testing/ports/memory-blobs.ts";
import { MemoryExecutions } from "../../functions/testing/ports/memory-executions.ts";
import { MemoryQueue } from "../../functions/testing/ports/memory-queue.ts";
import { MemoryStore } from "../../functions/testing/ports/memory-store.ts";

export const TASK_QUEUE = "home.default#worker";
const HANDLERS = { worker, control };
type Exports = DeployedCode["modules"][number];
export interface DeploymentOptions {
  readonly engine?: Partial<EngineConfig>;
  /** Most runs at the same time in one function. */
  readonly concurrency?: number;
  /** `true` when API Gateway passes answers on as they are made. */
  readonly streaming?: boolean;
}

/** A clock that tests can advance, so leases, deadlines and delays end without waiting. */
class ShiftedClock {
  ahead = 0;
  now(): number {
    return Date.now() + this.ahead;
  }
  async pause(): Promise<void> {}
}

/**
 * Runs the functions of a deployment over ports in memory, as Lambda would. They get events and a context, and the
 * queue acts on their answers.
 */
export class TestDeployment {
  readonly clock = new ShiftedClock();
  readonly store = new MemoryStore();
  readonly queue = new MemoryQueue(this.clock);
  readonly blobs = new MemoryBlobs();
  readonly tokens = new MemoryTokens();
  readonly supervisions = new MemorySupervisions();
  readonly executions = new MemoryExecutions();
  /** Changes of visibility, in order. */
  readonly visibility: { readonly receiptHandle: string; readonly seconds: number }[] = [];
  /** Lines of all logs. */
  readonly lines: { readonly [name: string]: Json }[] = [];
  readonly code: DeployedCode;
  readonly open: Open;
  readonly worker;
  readonly control;
  readonly deadLetter;
  readonly sweeper;
  readonly supervisor;
  readonly api;

  constructor(
    module: Exports,
    options: DeploymentOptions = {},
    handlers: Pick<typeof HANDLERS, "worker" | "control"> = HANDLERS,
  ) {
    this.code = {
      modules: [module],
      registry: JSON.parse(JSON.stringify(describeTasks([{ site: "home", exports: module }]))) as unknown,
    };
    this.open = async (wanted) => this.#surroundings(options, wanted);
    const bare = { ...this.code, modules: [] };
    this.worker = handlers.worker(this.code, this.open);
    this.control = handlers.control(bare, this.open);
    this.deadLetter = deadLetter(bare, this.open);
    this.sweeper = sweeper(bare, this.open);
    this.supervisor = supervisor(this.code, this.open);
    this.api = api(this.code, this.open);
  }
  /** Opens the engine as the API does. */
  engine(): Promise<FunctionEngine> {
    return (this.#engine ??= openFunction(this.code, this.open));
  }
  #engine: Promise<FunctionEngine> | undefined;
  /**
   * Receives a batch and invokes the function of its queue. Messages that the function does not name as failed are
   * deleted. Returns undefined when the queue is empty.
   */
  async invoke(queue: string, remainingMs = 60_000, size = 10): Promise<readonly string[] | undefined> {
    const messages = await this.queue.receive([queue], size, 3_600);
    if (messages.length === 0) return undefined;
    const event = {
      Records: messages.map(({ id, body, receives }) => recordOf(queue, id, JSON.stringify(body), receives)),
    };
    const handler = queue === ENGINE_QUEUE ? this.control : this.worker;
    const { batchItemFailures } = await handler(event, contextOf(remainingMs));
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    await this.queue.ack(messages.map(({ id }) => id).filter((id) => !failed.has(id)));
    return [...failed];
  }
  /** Invokes functions until no message is left. Delayed messages are received at once. */
  async untilQuiet(queues: readonly string[] = [ENGINE_QUEUE, TASK_QUEUE]): Promise<void> {
    for (let pass = 0; pass < 1_000; pass++) {
      const invoked = await Promise.all(queues.map((queue) => this.invoke(queue)));
      if (invoked.some((each) => each !== undefined)) continue;
      const next = await this.queue.nextVisibleAt(queues);
      if (next === undefined) return;
      this.clock.ahead += Math.max(0, next - this.clock.now());
    }
    throw new Error("it does not come to rest");
  }

  #surroundings(
    { engine, concurrency = 10, streaming = false }: DeploymentOptions,
    { tokens, executions, supervisions }: Wanted,
  ): Surroundings {
    const { store, queue, blobs } = this;
    const environment = readEnvironment({
      FANFOLD_CONFIG: JSON.stringify({ site: "home", concurrency }),
      AWS_LAMBDA_FUNCTION_NAME: "test",
      ...(streaming && { FANFOLD_STREAMING: "1" }),
    });
    const sends = { count: 0 };
    const counted = {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name: string) => queue.depth(name),
      send: (messages: Parameters<MemoryQueue["send"]>[0]) => {
        sends.count += messages.length;
        return queue.send(messages);
      },
    };
    return {
      environment,
      now: () => this.clock.now(),
      engine: { followDelayMs: 1, ...engine },
      print: (line) => this.lines.push(JSON.parse(line) as { [name: string]: Json }),
      platform: {
        store,
        queue: counted,
        blobs,
        ids: new SystemIds(this.clock),
        ...(tokens && { tokens: this.tokens }),
        ...(executions && { executions: this.executions.port() }),
        ...(supervisions && { supervisions: this.supervisions }),
        visibility: {
          change: async (_arn, changes) => {
            this.visibility.push(...changes);
            for (const { receiptHandle, seconds } of changes) await queue.extend([receiptHandle], seconds);
          },
        },
        usage: () => ({ readUnits: store.stats().readUnits, writeUnits: store.stats().writeUnits, sends: sends.count }),
      },
    };
  }
}

/** Answers by token. While `broken`, calls fail as if they might have arrived. */
class MemoryTokens implements Tokens {
  readonly answers = new Map<string, { readonly output: Json } | { readonly error: string; readonly cause: string }>();
  calls = 0;
  broken = false;
  async succeed(token: string, output: Json): Promise<"sent" | "gone"> {
    return this.#answer(token, { output });
  }
  async fail(token: string, error: string, cause: string): Promise<"sent" | "gone"> {
    return this.#answer(token, { error, cause });
  }
  #answer(token: string, answer: { output: Json } | { error: string; cause: string }): "sent" | "gone" {
    this.calls++;
    if (this.broken) throw new PortError("ambiguous", "no answer from the state machine");
    if (this.answers.has(token)) return "gone";
    this.answers.set(token, answer);
    return "sent";
  }
}
class MemorySupervisions implements Supervisions {
  readonly inputs = new Map<string, Json>();
  async start(name: string, input: Json): Promise<{ created: boolean }> {
    const created = !this.inputs.has(name);
    if (created) this.inputs.set(name, input);
    return { created };
  }
  async running(name: string): Promise<{ input: Json; startedAt: number } | undefined> {
    const input = this.inputs.get(name);
    return input === undefined ? undefined : { input, startedAt: 1_000 };
  }
}

export function recordOf(queue: string, id: string, body: string, receives = 1): SQSRecord {
  const attributes = {
    ApproximateReceiveCount: String(receives),
    SentTimestamp: "0",
    SenderId: "test",
    ApproximateFirstReceiveTimestamp: "0",
  };
  const eventSourceARN = `arn:aws:sqs:eu-west-1:123456789012:fanfold-${queue.replaceAll(/[.#]/g, "-")}`;
  return {
    messageId: id,
    receiptHandle: id,
    body,
    attributes,
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN,
    awsRegion: "eu-west-1",
  };
}
export const eventOf = (...records: SQSRecord[]): SQSEvent => ({ Records: records });
export function contextOf(remainingMs = 60_000): Context {
  const end = performance.now() + remainingMs;
  return { awsRequestId: "request", getRemainingTimeInMillis: () => end - performance.now() } as Context;
}
