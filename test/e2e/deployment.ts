import { setTimeout as pause } from "node:timers/promises";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { AwsClient } from "aws4fetch";
import { createClient, hasEnded, type Client, type Job } from "../../functions/client/index.ts";

/** The endpoint of the deployment under test. `npm run e2e` passes it in the environment. */
export const ENDPOINT = required("AWS_ENDPOINT_URL");
export const ACCOUNT = "000000000000";
export const REGION = required("AWS_REGION");
/** The number of canvas cases to run. */
export const CASES = Number(required("FANFOLD_E2E_CASES"));

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this with \`npm run e2e\``);
  return value;
}

/** Returns a signing client, for services that have no client among the packages of this project. */
export function signer(service: string): AwsClient {
  return new AwsClient({ accessKeyId: "test", secretAccessKey: "test", region: REGION, service, retries: 0 });
}

/** Returns the output values of the stacks. */
async function stackOutputs(): Promise<readonly string[]> {
  const { Stacks = [] } = await new CloudFormationClient({}).send(new DescribeStacksCommand({}));
  return Stacks.flatMap(({ Outputs = [] }) => Outputs.map(({ OutputValue = "" }) => OutputValue));
}

export interface Api {
  readonly url: string;
  /** Signs every request, because IAM demands it. */
  readonly client: Client;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Connects to the deployment's HTTP API. */
export async function connect(): Promise<Api> {
  const url = emulatedUrl((await stackOutputs()).find((value) => value.includes(".execute-api.")) ?? "");
  const signed = signer("execute-api");
  return {
    url,
    client: createClient({ url, fetch: (request) => signed.fetch(request) }),
    fetch: (path, init) => signed.fetch(`${url}${path}`, init),
  };
}
/** Returns the URL under which the emulator serves `https://ID.execute-api.REGION.amazonaws.com/STAGE/`. */
function emulatedUrl(address: string): string {
  const [, id, stage] = /^https:\/\/([a-z0-9]+)\.execute-api\.[^/]+\/([^/]+)/.exec(address) ?? [];
  if (id === undefined || stage === undefined) throw new Error(`no stack puts out the address of a REST API`);
  return `${ENDPOINT}/restapis/${id}/${stage}/_user_request_`;
}

/** Waits for the end of a job. The default time is generous, for slow machines. */
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
  /** Seconds until the wait fails; 100 by default. */
  readonly seconds?: number;
  /** Returns further details for the error message when the wait fails. */
  readonly more?: () => Promise<string>;
}
/** Repeats `ask` until it returns a value. Throws when that takes too long. */
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
