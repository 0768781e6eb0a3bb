import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { DEFAULT_PREFIX } from "../core/names/aws-resource-names.ts";
import type { BlobLinks, Blobs, Executions, Queue, Store, Supervisions, Tokens } from "../engine/ports.ts";
import { clientOptions, type Variables } from "./client-options.ts";
import { DynamoStore } from "./dynamo-store.ts";
import { SqsQueue } from "./sqs-queue.ts";
import { noUsage, type Usage } from "./usage.ts";

/** Milliseconds until an unanswered call ends. */
const STORE_MS = 5_000;
const QUEUE_MS = 10_000;

/** The engine's ports on AWS. The caller brings the clock, the ids and the tasks. */
export interface AwsPorts {
  readonly store: Store;
  /** The queue port, which can also change the visibility of received messages. */
  readonly queue: Queue & Pick<SqsQueue, "change">;
  readonly blobs: Blobs;
  readonly blobLinks: BlobLinks;
  readonly tokens: Tokens;
  /** Starts and reads executions of FANFOLD_STATE_MACHINE_ARN. Absent without that variable. */
  readonly supervisions?: Supervisions;
  /** Runs the state machines that tasks name. Absent without FANFOLD_STATE_MACHINE_ARN_BASE. */
  readonly executions?: Executions;
  /** Returns what all ports have used since they were made. */
  usage(): Readonly<Usage>;
}

/**
 * Creates all ports from the environment, and makes no call. Reads FANFOLD_PREFIX, FANFOLD_QUEUE_URL_BASE,
 * FANFOLD_BANDED, FANFOLD_BUCKET, FANFOLD_STATE_MACHINE_ARN, FANFOLD_STATE_MACHINE_ARN_BASE and the SDK's own variables (AWS_REGION,
 * credentials). AWS_ENDPOINT_URL points every client at an emulator; AWS_ENDPOINT_URL_DYNAMODB and its siblings point
 * one client.
 * @throws FanfoldError `invalid_request` when a variable is missing
 */
export function createAwsPorts(variables: Variables): AwsPorts {
  const usage = noUsage();
  const prefix = variables["FANFOLD_PREFIX"] || DEFAULT_PREFIX;
  const bucket = required(variables, "FANFOLD_BUCKET");
  const stateMachineArn = variables["FANFOLD_STATE_MACHINE_ARN"];
  const arnBase = variables["FANFOLD_STATE_MACHINE_ARN_BASE"];
  const dynamo = new DynamoDBClient(clientOptions(variables, "DYNAMODB", STORE_MS));
  const sqs = new SQSClient(clientOptions(variables, "SQS", QUEUE_MS));
  const s3 = once(async () => new (await import("./s3-blobs.ts")).S3Blobs(variables, bucket, usage));
  const states = once(async () => new (await import("./step-functions.ts")).StepFunctions(variables, usage));
  const machines = once(
    async () => new (await import("./state-machines.ts")).StateMachines(variables, usage, arnBase ?? ""),
  );
  return {
    store: new DynamoStore(dynamo, prefix, usage),
    queue: new SqsQueue(sqs, {
      urlBase: required(variables, "FANFOLD_QUEUE_URL_BASE"),
      prefix,
      usage,
      banded: (variables["FANFOLD_BANDED"] || undefined)?.split(",") ?? [],
    }),
    blobs: {
      put: async (name, content) => (await s3()).put(name, content),
      get: async (name) => (await s3()).get(name),
      store: async (...given) => (await s3()).store(...given),
      keep: async (...given) => (await s3()).keep(...given),
      open: async (sha256) => (await s3()).open(sha256),
    },
    blobLinks: {
      upload: async (...given) => (await s3()).contents.upload(...given),
      download: async (sha256) => (await s3()).contents.download(sha256),
    },
    tokens: {
      succeed: async (token, output) => (await states()).succeed(token, output),
      fail: async (token, error, cause) => (await states()).fail(token, error, cause),
    },
    ...(stateMachineArn && {
      supervisions: {
        start: async (name: string, input: Json) => (await states()).start(stateMachineArn, name, input),
        running: async (name: string) => (await states()).running(stateMachineArn, name),
      },
    }),
    ...(arnBase && {
      executions: {
        start: async (machine: string, name: string, input: Json) => (await machines()).start(machine, name, input),
        endOf: async (machine: string, name: string) => (await machines()).endOf(machine, name),
        stop: async (machine: string, name: string, cause: string) => (await machines()).stop(machine, name, cause),
      },
    }),
    usage: () => ({ ...usage }),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
function required(variables: Variables, name: string): string {
  const value = variables[name];
  if (value) return value;
  throw new FanfoldError("invalid_request", `${name} is not set: deploy again with \`npm run deploy\``, {
    details: { field: name },
  });
}
