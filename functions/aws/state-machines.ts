import { DescribeExecutionCommand, SFNClient, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { FanfoldError } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";
import type { Json } from "../core/json.ts";
import type { ExecutionError, Executions } from "../engine/ports.ts";
import { clientOptions, type Variables } from "./client-options.ts";
import { retrying } from "./retry-calls.ts";
import type { Usage } from "./usage.ts";

const ANSWER_MS = 10_000;
/** Characters of a cause that are sent. AWS accepts far more than a console shows. */
const CAUSE_CHARACTERS = 1_000;
/** Errors that the same request would meet again. */
const REFUSED: ReadonlySet<string> = new Set([
  "InvalidArn",
  "InvalidExecutionInput",
  "InvalidName",
  "StateMachineDeleting",
  "StateMachineDoesNotExist",
  "ValidationException",
]);
/** Error names of executions that end without naming an error. */
const UNNAMED: Readonly<Record<string, string>> = { TIMED_OUT: "States.Timeout", ABORTED: "ExecutionAborted" };

/** Starts, describes and stops executions of the state machines that tasks name. The first call loads this file. */
export class StateMachines implements Executions {
  readonly #client: SFNClient;
  readonly #usage: Usage;
  readonly #arnBase: string;

  /**
   * `arnBase`: the common prefix of all state machine ARNs, `arn:aws:states:eu-central-1:123456789012:stateMachine:`.
   */
  constructor(variables: Variables, usage: Usage, arnBase: string) {
    this.#client = new SFNClient(clientOptions(variables, "SFN", ANSWER_MS));
    this.#usage = usage;
    this.#arnBase = arnBase;
  }

  /**
   * Starts an execution. AWS answers a repeated start of a running execution like the first start. Emulators report
   * that the execution exists, and so does AWS once it has ended.
   */
  start(
    machine: string,
    name: string,
    input: Json,
  ): Promise<"started" | "exists" | { readonly refused: ExecutionError }> {
    const command = new StartExecutionCommand({
      stateMachineArn: this.#arnOf(machine),
      name,
      input: JSON.stringify(input),
    });
    return retrying<"started" | "exists" | { readonly refused: ExecutionError }>({
      usage: this.#usage,
      what: `starting execution ${name} of ${machine}`,
      kind: "write",
      send: async () => {
        const { executionArn = "" } = await this.#client.send(command);
        return executionArn.includes(":express:") ? { refused: EXPRESS } : "started";
      },
      answer: (error) => {
        const { name: code, message } = error as Error;
        if (code === "ExecutionAlreadyExists") return { value: "exists" };
        return REFUSED.has(code) ? { value: { refused: { error: code, cause: message } } } : undefined;
      },
    });
  }

  async endOf(
    machine: string,
    name: string,
  ): Promise<{ readonly output: Json } | { readonly failed: ExecutionError } | undefined> {
    const command = new DescribeExecutionCommand({ executionArn: executionArn(this.#arnOf(machine), name) });
    const execution = await retrying({
      usage: this.#usage,
      what: `describing execution ${name} of ${machine}`,
      kind: "read",
      send: () => this.#client.send(command),
      answer: (error) => ((error as Error).name === "ExecutionDoesNotExist" ? { value: undefined } : undefined),
    });
    switch (execution?.status) {
      case "SUCCEEDED":
        return outputOf(execution.output ?? "null", `the output of execution ${name} of ${machine}`);
      case "FAILED":
      case "TIMED_OUT":
      case "ABORTED": {
        const { status, error, cause } = execution;
        return {
          failed: {
            error: error || (UNNAMED[status] ?? "ExecutionFailed"),
            cause: cause || `the execution ${name} of ${machine} is ${status}`,
          },
        };
      }
      default:
        return undefined;
    }
  }

  stop(machine: string, name: string, cause: string): Promise<void> {
    const command = new StopExecutionCommand({
      executionArn: executionArn(this.#arnOf(machine), name),
      error: "Fanfold.RunEnded",
      cause: cause.slice(0, CAUSE_CHARACTERS),
    });
    return retrying<void>({
      usage: this.#usage,
      what: `stopping execution ${name} of ${machine}`,
      kind: "write",
      send: async () => {
        await this.#client.send(command);
      },
      // The execution was never started, or its machine was deleted together with its executions.
      answer: (error) =>
        ["ExecutionDoesNotExist", "StateMachineDoesNotExist", "InvalidArn"].includes((error as Error).name)
          ? { value: undefined }
          : undefined,
    });
  }

  #arnOf(machine: string): string {
    return machine.startsWith("arn:") ? machine : `${this.#arnBase}${machine}`;
  }
}
const EXPRESS: ExecutionError = {
  error: "ExpressStateMachine",
  cause: "an Express state machine cannot be asked how its execution ended: a task needs a Standard one",
};

/** Returns the ARN of an execution: `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`. */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
}

/** An output that would not come through unchanged fails the run that waits for it. */
function outputOf(text: string, what: string): { readonly output: Json } | { readonly failed: ExecutionError } {
  try {
    return { output: parseJson(text, what) };
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    return { failed: { error: error.code, cause: error.message } };
  }
}
