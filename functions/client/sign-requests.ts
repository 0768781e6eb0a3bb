import { FanfoldError } from "../core/errors.ts";

/** Keys of an AWS account. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that end. */
  readonly sessionToken?: string;
}
/** How requests to a deployment on AWS are signed. */
export interface AwsOptions {
  /** Region of the API. Default: that of its address, else that of the environment or the profile. */
  readonly region?: string;
  /** Profile of the AWS configuration, in Node. Default: `AWS_PROFILE`. */
  readonly profile?: string;
  /**
   * The keys, or a function that returns those of now. Default, in Node: those that the AWS command would take, of the
   * environment, a profile, single sign-on, or the machine. A browser has no such default.
   */
  readonly credentials?: AwsCredentials | (() => AwsCredentials | Promise<AwsCredentials>);
}
/** Signs one request. */
export type Sign = (request: Request) => Promise<Request>;

/** The region in the address of an API of AWS. */
const REGION_OF_ADDRESS = /^https:\/\/[^/]+\.execute-api\.([\w-]+)\.amazonaws\./;
/** Returns whether an address is that of an API that AWS signs for. */
export function isOnAws(url: string): boolean {
  return REGION_OF_ADDRESS.test(url);
}

/**
 * Returns a function that signs requests for API Gateway. Credentials are looked for at the first request, and renewed
 * before they end. The packages of AWS are loaded only for credentials that are in neither the options nor the
 * environment.
 * @throws FanfoldError `invalid_configuration` when there are none, or no region
 */
export function requestSigner(url: string, options: AwsOptions = {}): Sign {
  let found: Promise<Found> | undefined;
  return async (request) => {
    found ??= find(url, options).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    const { region, credentials } = await found;
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
    const { AwsClient } = await import("aws4fetch");
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
    const body = request.body === null ? null : await request.arrayBuffer();
    const { method, headers, signal } = request;
    const signer = new AwsClient({ ...keys, service: "execute-api", region });
    return new Request(await signer.sign(request.url, { method, headers, body }), { signal });
  };
}

interface Found {
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
}
async function find(url: string, { region, profile, credentials }: AwsOptions): Promise<Found> {
  const env = environment();
  const given = credentials ?? (profile === undefined ? ofEnvironment(env) : undefined);
  const chain = given === undefined ? await loadChain(profile) : undefined;
  const known = region ?? REGION_OF_ADDRESS.exec(url)?.[1] ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  const where = known ?? (await (chain ?? (await loadChain(profile).catch(() => undefined)))?.region());
  if (where === undefined) throw missing("no region is known: set AWS_REGION");
  if (chain !== undefined) await chain.credentials();
  return {
    region: where,
    credentials: chain?.credentials ?? (async () => (typeof given === "function" ? given() : given) as AwsCredentials),
  };
}
/** What Node has and browsers have not. */
const { process } = globalThis as {
  readonly process?: {
    readonly env: { readonly [name: string]: string | undefined };
    readonly versions?: { readonly node?: string };
  };
};
function environment(): { readonly [name: string]: string | undefined } {
  return process?.env ?? {};
}
function ofEnvironment(env: ReturnType<typeof environment>): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_PROFILE: profile } = env;
  if (!accessKeyId || !secretAccessKey || profile) return undefined;
  const sessionToken = env["AWS_SESSION_TOKEN"];
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

interface Chain {
  readonly credentials: () => Promise<AwsCredentials>;
  readonly region: () => Promise<string | undefined>;
}
/** No bundler shall follow it: a browser never loads it. */
const AWS_PACKAGE = "@aws-sdk/client-dynamodb";
/** Any client of AWS has the chain of credentials that all commands share. This one is only asked for its settings. */
async function loadChain(profile: string | undefined): Promise<Chain> {
  if (process?.versions?.node === undefined)
    throw missing("a browser has no AWS credentials of its own: give createClient({ aws: { credentials } })");
  const { DynamoDBClient } = await import(/* @vite-ignore */ AWS_PACKAGE).then(
    (module: { readonly DynamoDBClient: new (options: object) => { readonly config: Chain } }) => module,
    (cause: unknown) => {
      throw missing(
        `AWS credentials are looked for by ${AWS_PACKAGE}, which is not installed: npm install ${AWS_PACKAGE}, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
        cause,
      );
    },
  );
  const { config } = new DynamoDBClient(profile === undefined ? {} : { profile });
  const noKeys =
    profile === undefined
      ? "no AWS credentials were found: set AWS_PROFILE, or sign in with `aws sso login`"
      : `the AWS profile ${profile} has no credentials: look at ~/.aws/config, or sign in with \`aws sso login --profile ${profile}\``;
  return {
    credentials: () =>
      config.credentials().catch((cause: unknown) => {
        throw missing(noKeys, cause);
      }),
    region: () => config.region().catch(() => undefined),
  };
}
function missing(message: string, cause?: unknown): FanfoldError {
  return new FanfoldError("invalid_configuration", message, { cause });
}
