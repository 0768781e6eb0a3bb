import { setTimeout as pause } from "node:timers/promises";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { AwsClient } from "aws4fetch";
import { createClient, hasEnded, type Client, type Job } from "../../functions/client/index.ts";

/** The deployment under test. `npm run e2e` says where it is, in the environment. */
export const ENDPOINT = required("AWS_ENDPOINT_URL");
export const ACCOUNT = "000000000000";
export const REGION = required("AWS_REGION");
/** How many canvas cases run. */
export const CASES = Number(required("FANFOLD_E2E_CASES"));

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this with \`npm run e2e\``);
  return value;
}

/** For services that have no client among the packages of this project. */
export function signer(service: string): AwsClient {
  return new AwsClient({ accessKeyId: "test", secretAccessKey: "test", region: REGION, service, retries: 0 });
}

/** Values that the stacks put out. */
async function stackOutputs(): Promise<readonly string[]> {
  const { Stacks = [] } = await new CloudFormationClient({}).send(new DescribeStacksCommand({}));
  return Stacks.flatMap(({ Outputs = [] }) => Outputs.map(({ OutputValue = "" }) => OutputValue));
}

export interface Api {
  readonly url: string;
  /** Signs every request, as IAM wants it. */
  readonly client: Client;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The deployment's HTTP API. */
export async function connect(): Promise<Api> {
  const url = emulatedUrl((await stackOutputs()).find((value) => value.includes(".execute-api.")) ?? "");
  const signed = signer("execute-api");
  return {
    url,
    client: createClient({ url, fetch: (request) => signed.fetch(request) }),
    fetch: (path, init) => signed.fetch(`${url}${path}`, init),
  };
}
/** `https://ID.execute-api.REGION.amazonaws.com/STAGE/` as the emulator serves it. */
function emulatedUrl(address: string): string {
  const [, id, stage] = /^https:\/\/([a-z0-9]+)\.execute-api\.[^/]+\/([^/]+)/.exec(address) ?? [];
  if (id === undefined || stage === undefined) throw new Error(`no stack puts out the address of a REST API`);
  return `${ENDPOINT}/restapis/${id}/${stage}/_user_request_`;
}

/** Waits for the end of a job; generous, for slow machines. */
export async function ended({ client }: Api, jobId: string, seconds = 100): Promise<Job> {
  const job = await eventually(
    async () => {
      const now = await client.job(jobId);
      return hasEnded(now) ? now : undefined;
    },
    { what: `the end of job ${jobId}`, seconds, more: async () => JSON.stringify(await client.job(jobId)) },
  );
  return job;
}

export interface Waiting {
  readonly what: string;
  /** Default 100. */
  readonly seconds?: number;
  /** What is said when it did not happen. */
  readonly more?: () => Promise<string>;
}
/** Asks until the answer is not undefined. Throws when that takes too long. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  { what, seconds = 100, more }: Waiting,
): Promise<T> {
  for (const until = Date.now() + seconds * 1_000; ;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > until)
      throw new Error(`waited ${seconds} s for ${what}${more === undefined ? "" : `: ${await more()}`}`);
    await pause(100);
  }
}
