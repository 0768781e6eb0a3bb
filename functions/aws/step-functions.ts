import { randomUUID } from "node:crypto";
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { FanfoldError } from "../core/errors.ts";
import { canonicalJson, type Json, type JsonObject } from "../core/json.ts";
import type { Tokens } from "../engine/ports.ts";
import { clientOptions, type Variables } from "./client-options.ts";
import { retrying } from "./retry-calls.ts";
import { executionArn } from "./state-machines.ts";
import type { Usage } from "./usage.ts";

/** Longest error name, and longest cause, that Step Functions accepts. */
const ERROR_CHARACTERS = 256;
const CAUSE_CHARACTERS = 32_768;
const ANSWER_MS = 10_000;
/** The token was answered or has expired, or its execution has ended. */
const GONE: ReadonlySet<string> = new Set(["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]);
/** Field of the input that names the call which started the execution. */
const STARTED_BY = "startedBy";

/**
 * Answers task tokens, and runs executions that supervise jobs. Few processes need either, so the first call loads this
 * file.
 */
export class StepFunctions implements Tokens {
  readonly #client: SFNClient;
  readonly #usage: Usage;

  constructor(variables: Variables, usage: Usage) {
    this.#client = new SFNClient(clientOptions(variables, "SFN", ANSWER_MS));
    this.#usage = usage;
  }

  succeed(token: string, output: Json): Promise<"sent" | "gone"> {
    return this.#answer(() =>
      this.#client.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(output) })),
    );
  }

  fail(token: string, error: string, cause: string): Promise<"sent" | "gone"> {
    const failure = {
      taskToken: token,
      error: error.slice(0, ERROR_CHARACTERS),
      cause: cause.slice(0, CAUSE_CHARACTERS),
    };
    return this.#answer(() => this.#client.send(new SendTaskFailureCommand(failure)));
  }

  /**
   * Starts an execution, and says whether this call created it. AWS answers a start with the input of a running
   * execution like a new start; some emulators refuse it. Each call therefore adds an id of its own to the input, so
   * every repetition is a conflict. The input of the existing execution then says which call started it, even when the
   * answer to this call was lost.
   */
  async start(stateMachineArn: string, name: string, input: Json): Promise<{ readonly created: boolean }> {
    const startedBy = randomUUID();
    const ownInput = JSON.stringify({ ...objectOf(input), [STARTED_BY]: startedBy });
    const taken = await retrying<boolean>({
      usage: this.#usage,
      what: `starting execution ${name}`,
      kind: "write",
      send: async () => {
        await this.#client.send(new StartExecutionCommand({ stateMachineArn, name, input: ownInput }));
        return false;
      },
      answer: (error) => (nameOf(error) === "ExecutionAlreadyExists" ? { value: true } : undefined),
    });
    if (!taken) return { created: true };
    const { input: standingInput } = (await this.#describe(executionArn(stateMachineArn, name))) ?? {};
    const { [STARTED_BY]: starter, ...standing } = JSON.parse(standingInput ?? "{}") as JsonObject;
    if (starter === startedBy) return { created: true };
    if (canonicalJson(standing) === canonicalJson(input)) return { created: false };
    throw new FanfoldError(
      "idempotency_conflict",
      `${name} was started with another input: use a new key for new work`,
      { details: { name } },
    );
  }

  async running(
    stateMachineArn: string,
    name: string,
  ): Promise<{ readonly input: Json; readonly startedAt: number } | undefined> {
    const { status, input = "{}", startDate } = (await this.#describe(executionArn(stateMachineArn, name))) ?? {};
    return status === "RUNNING"
      ? { input: JSON.parse(input) as Json, startedAt: startDate?.getTime() ?? 0 }
      : undefined;
  }

  async #describe(executionArn: string): Promise<Partial<DescribeExecutionCommandOutput> | undefined> {
    const command = new DescribeExecutionCommand({ executionArn });
    return retrying<Partial<DescribeExecutionCommandOutput> | undefined>({
      usage: this.#usage,
      what: `describing ${executionArn}`,
      kind: "read",
      send: () => this.#client.send(command),
      answer: (error) => (nameOf(error) === "ExecutionDoesNotExist" ? { value: undefined } : undefined),
    });
  }

  #answer(send: () => Promise<unknown>): Promise<"sent" | "gone"> {
    return retrying<"sent" | "gone">({
      usage: this.#usage,
      what: "answering a task token",
      kind: "write",
      send: async () => {
        await send();
        return "sent";
      },
      answer: (error) => (GONE.has(nameOf(error)) ? { value: "gone" } : undefined),
    });
  }
}

function objectOf(input: Json): JsonObject {
  if (input !== null && typeof input === "object" && !Array.isArray(input)) return input as JsonObject;
  throw new FanfoldError("internal", "the input of an execution is no object");
}
function nameOf(error: unknown): string {
  return (error as { readonly name?: string }).name ?? "";
}
