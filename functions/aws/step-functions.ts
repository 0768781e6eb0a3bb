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
import { executionArn } from "./state-machines.ts";
import { retrying } from "./retry.ts";
import type { Usage } from "./usage.ts";

/** Step Functions count characters: of an error's name, and of its cause. */
const ERROR_CHARACTERS = 256;
const CAUSE_CHARACTERS = 32_768;
const ANSWER_MS = 10_000;
/** The token was answered, has expired, or its execution is over. */
const GONE: ReadonlySet<string> = new Set(["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]);
/** In the input of an execution: which call started it. */
const STARTED_BY = "startedBy";

/** Task tokens, and executions that supervise jobs. Few processes need them, so this file is loaded by the first call that does. */
export class StepFunctions implements Tokens {
  readonly #client: SFNClient;
  readonly #usage: Usage;

  constructor(variables: Variables, usage: Usage) {
    this.#client = new SFNClient(clientOptions(variables, "SFN", ANSWER_MS));
    this.#usage = usage;
  }

  succeed(token: string, output: Json): Promise<"sent" | "gone"> {
    return this.#answer(() => this.#client.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(output) })));
  }

  fail(token: string, error: string, cause: string): Promise<"sent" | "gone"> {
    const failure = { taskToken: token, error: error.slice(0, ERROR_CHARACTERS), cause: cause.slice(0, CAUSE_CHARACTERS) };
    return this.#answer(() => this.#client.send(new SendTaskFailureCommand(failure)));
  }

  /**
   * AWS answers the same for a new execution as for one that runs with the same input, and some emulators do not. So each call marks its input, which makes every
   * repetition a conflict; then the input of the one that is there tells whose it is, also when the answer to this very call was lost.
   */
  async start(stateMachineArn: string, name: string, input: Json): Promise<{ readonly created: boolean }> {
    const startedBy = randomUUID();
    const marked = JSON.stringify({ ...objectOf(input), [STARTED_BY]: startedBy });
    const taken = await retrying<boolean>({
      usage: this.#usage,
      what: `starting execution ${name}`,
      kind: "write",
      send: async () => {
        await this.#client.send(new StartExecutionCommand({ stateMachineArn, name, input: marked }));
        return false;
      },
      answer: (error) => (nameOf(error) === "ExecutionAlreadyExists" ? { value: true } : undefined),
    });
    if (!taken) return { created: true };
    const { input: standingInput } = (await this.#describe(executionArn(stateMachineArn, name))) ?? {};
    const { [STARTED_BY]: starter, ...standing } = JSON.parse(standingInput ?? "{}") as JsonObject;
    if (starter === startedBy) return { created: true };
    if (canonicalJson(standing) === canonicalJson(input)) return { created: false };
    throw new FanfoldError("idempotency_conflict", `${name} was started with another input: use a new key for new work`, { details: { name } });
  }

  async running(stateMachineArn: string, name: string): Promise<{ readonly input: Json; readonly startedAt: number } | undefined> {
    const { status, input = "{}", startDate } = (await this.#describe(executionArn(stateMachineArn, name))) ?? {};
    return status === "RUNNING" ? { input: JSON.parse(input) as Json, startedAt: startDate?.getTime() ?? 0 } : undefined;
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
