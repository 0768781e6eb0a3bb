import * as z from "zod";
import { FanfoldError } from "../core/errors.ts";
import { ENGINE_QUEUE, QUEUE_FUNCTIONS, type QueueFunction } from "../core/names/queue-name.ts";
import { describeIssue } from "./schema-issue.ts";

/** What a deployment of your own may want otherwise: fanfold.config.ts. The stacks and the runtime of one machine read the same file. */
export interface FanfoldConfig {
  /** Site of queues that name none; it must be one of `sites`. Letters, digits, `_` and `-`, as in every name here. */
  readonly site: string;
  /** Runs at the same time in each worker process of one machine. */
  readonly concurrency: number;
  /** A job that says nothing else is timed out after so many days (at most 365). */
  readonly jobTimeoutDays: number;
  /** So long after its deadline everything of a job is kept. */
  readonly retentionDays: number;
  /** First part of every name in an AWS account, so that several deployments fit into one. Another prefix is another deployment. Default `fanfold`. */
  readonly prefix?: string;
  /** Module that exports tasks and workflows, relative to the repository. Default `functions/tasks/index.ts`. */
  readonly tasks?: string;
  /** Places where work runs, a stack each. Default: one, named like `site`. */
  readonly sites?: readonly SiteConfig[];
  readonly api?: ApiConfig;
  readonly tables?: TablesConfig;
  readonly alarms?: AlarmsConfig;
  /** How long logs are kept; one of the periods that CloudWatch knows. Default 30. */
  readonly logRetentionDays?: LogRetentionDays;
  /** Tags on every resource, beside `fanfold:deployment` and `fanfold:component`: activate them as cost allocation tags to see what it costs. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface SiteConfig {
  readonly name: string;
  /** Tasks that run here, when they differ from those of the deployment. */
  readonly tasks?: string;
  /** The queue `default` with the function `worker` always exists; name it only to set its numbers. */
  readonly queues?: readonly QueueConfig[];
  /** Size of the Lambda function that serves each kind of work. */
  readonly functions?: { readonly [name in QueueFunction]?: FunctionConfig };
}

export interface QueueConfig {
  readonly name: string;
  /** Kind of work. `interactive` and `settings` exist on the queue `default` only. Default `worker`. */
  readonly function?: QueueFunction;
  /** Invocations at the same time, 2 to 1,000. Exclusive with `pollers`. Default 50. */
  readonly maxConcurrency?: number;
  /** Pollers reserved for this queue, for work that must start within milliseconds. They are billed by the hour. */
  readonly pollers?: { readonly minimum: number; readonly maximum: number };
  /** Messages per invocation, 1 to 1,000; above 10 the window must be at least 1 second. Default 10. */
  readonly batchSize?: number;
  /** So long Lambda waits for a batch to fill, 0 to 300 seconds. Default 0. */
  readonly windowSeconds?: number;
}

export interface FunctionConfig {
  /** 128 to 10,240. CPU grows with it: 1,769 MB are one core. Default 1,024. */
  readonly memoryMb?: number;
  /** End of an invocation, 30 to 900 seconds: the longest that one attempt of a task may run here. Default 300. */
  readonly timeoutSeconds?: number;
  /** Taken out of the account's concurrency for this function alone. Default: none is reserved. */
  readonly reservedConcurrency?: number;
  /** What the tasks themselves may do on AWS, beside what the engine needs; actions are named in full, without `*`. Default: nothing. */
  readonly permissions?: readonly PermissionConfig[];
}

/** @example { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::invoices/2026/*"] } */
export interface PermissionConfig {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

export interface ApiConfig {
  /** `iam`: callers sign with AWS credentials (default). `cognito`: they send a token of a user pool. */
  readonly auth?: "iam" | "cognito";
  /** With `cognito`: ARN of a user pool of yours. Default: one is made, without self sign-up. */
  readonly userPoolArn?: string;
  /** OAuth scopes, any of which a token must carry; it is then an access token. Default: none, and an ID token is expected. */
  readonly scopes?: readonly string[];
  /** Requests per second and burst over all callers. Default 100 and 200. */
  readonly throttle?: { readonly ratePerSecond: number; readonly burst: number };
  /** Long answers are passed on as they come. Default `true`. */
  readonly streaming?: boolean;
  /** `false` when another stack has already given API Gateway its role for writing logs: that is one setting per account and region. Default `true`. */
  readonly accountLogRole?: boolean;
}

export interface TablesConfig {
  /** Read and write units per second that both tables can serve from the start, for bursts at once after a deploy. Billed once when raised. */
  readonly warmThroughput?: { readonly readUnitsPerSecond: number; readonly writeUnitsPerSecond: number };
}

export interface AlarmsConfig {
  /** Receives every alarm once it has confirmed the subscription. Default: nobody; the topic exists all the same. */
  readonly email?: string;
  /** A queue whose oldest message is older than this has too few workers. Default 3,600. */
  readonly oldestMessageSeconds?: number;
}

export const LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653] as const;
export type LogRetentionDays = (typeof LOG_RETENTION_DAYS)[number];

/** Names are parts of AWS resource names, ARNs and queue names. */
const name = (characters: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, "must consist of letters, digits, _ and -")
    .max(characters, `must have at most ${characters} characters`);
const whole = (from: number, to: number) => z.number().int("must be a whole number").min(from, `must be at least ${from}`).max(to, `must be at most ${to}`);
const modulePath = z.string().regex(/\.[cm]?[jt]s$/, "must be the path of a module that ends in .ts, .mts or .js");

const QUEUE = z
  .strictObject({
    name: name(60).refine((text) => text !== ENGINE_QUEUE, `must not be "${ENGINE_QUEUE}", which is the engine's own`),
    function: z.enum(QUEUE_FUNCTIONS).default("worker"),
    maxConcurrency: whole(2, 1_000).optional(),
    pollers: z.strictObject({ minimum: whole(2, 200), maximum: whole(2, 2_000) }).optional(),
    batchSize: whole(1, 1_000).default(10),
    windowSeconds: whole(0, 300).default(0),
  })
  .refine((queue) => queue.pollers === undefined || queue.maxConcurrency === undefined, {
    path: ["pollers"],
    message: "and maxConcurrency exclude each other: AWS accepts only one of them",
  })
  .refine((queue) => queue.pollers === undefined || queue.pollers.minimum <= queue.pollers.maximum, {
    path: ["pollers", "minimum"],
    message: "must not be above the maximum",
  })
  .refine((queue) => queue.batchSize <= 10 || queue.windowSeconds >= 1, {
    path: ["windowSeconds"],
    message: "must be at least 1 when batchSize is above 10",
  })
  .refine((queue) => queue.name === "default" || (queue.function !== "interactive" && queue.function !== "settings"), {
    path: ["function"],
    message: 'interactive and settings exist on the queue "default" only',
  });
const FUNCTION = z.strictObject({
  memoryMb: whole(128, 10_240).default(1_024),
  timeoutSeconds: whole(30, 900).default(300),
  reservedConcurrency: whole(1, 1_000_000).optional(),
  permissions: z
    .array(
      z.strictObject({
        actions: z.array(z.string().regex(/^[a-z0-9-]+:[A-Za-z0-9]+$/, "must name one action in full, for instance s3:GetObject")).min(1),
        resources: z.array(z.string().startsWith("arn:", "must be an ARN")).min(1),
      }),
    )
    .default([]),
});
const SITE = z.strictObject({
  name: name(40),
  tasks: modulePath.optional(),
  queues: z
    .array(QUEUE)
    .default([])
    .superRefine((queues, context) => noneTwice(queues, (queue) => `${queue.name}#${queue.function}`, context)),
  functions: z.strictObject(Object.fromEntries(QUEUE_FUNCTIONS.map((each) => [each, FUNCTION.optional()]))).default({}),
});
const CONFIG = z
  .strictObject({
    // A bucket carries the prefix beside an account and a region, in at most 63 characters of lower case.
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/, "must be 2 to 20 lower case letters, digits and -, from a letter to a letter or digit")
      .default("fanfold"),
    site: name(40),
    concurrency: whole(1, 10_000),
    jobTimeoutDays: z.number().positive("must be above 0").max(365, "must be at most 365"),
    retentionDays: z.number().min(0, "must not be negative").max(3_650, "must be at most 3650"),
    tasks: modulePath.default("functions/tasks/index.ts"),
    sites: z.array(SITE).min(1, "must name at least one site; leave it out for one site").optional(),
    api: z
      .strictObject({
        auth: z.enum(["iam", "cognito"]).default("iam"),
        userPoolArn: z
          .string()
          .regex(/^arn:[^:]+:cognito-idp:[^:]+:\d{12}:userpool\/.+$/, "must be the ARN of a Cognito user pool")
          .optional(),
        scopes: z.array(z.string().min(1)).default([]),
        throttle: z.strictObject({ ratePerSecond: whole(1, 100_000), burst: whole(1, 100_000) }).default({ ratePerSecond: 100, burst: 200 }),
        streaming: z.boolean().default(true),
        accountLogRole: z.boolean().default(true),
      })
      .prefault({})
      .refine((api) => api.auth === "cognito" || (api.userPoolArn === undefined && api.scopes.length === 0), {
        path: ["auth"],
        message: 'must be "cognito" when userPoolArn or scopes are given',
      }),
    tables: z
      .strictObject({
        warmThroughput: z.strictObject({ readUnitsPerSecond: whole(12_000, 1_000_000), writeUnitsPerSecond: whole(4_000, 1_000_000) }).optional(),
      })
      .prefault({}),
    alarms: z.strictObject({ email: z.email("must be an e-mail address").optional(), oldestMessageSeconds: whole(60, 345_600).default(3_600) }).prefault({}),
    logRetentionDays: z.literal(LOG_RETENTION_DAYS, `must be one of ${LOG_RETENTION_DAYS.join(", ")}`).default(30),
    tags: z.record(z.string().min(1).max(128), z.string().max(256)).default({}),
  })
  .superRefine(({ sites, site }, context) => {
    noneTwice(sites ?? [], (each) => each.name, context, "sites");
    if (sites !== undefined && !sites.some((each) => each.name === site)) {
      context.addIssue({ code: "custom", path: ["site"], message: `names no site of \`sites\`: ${sites.map((each) => each.name).join(", ")}` });
    }
  })
  .transform((config) => ({ ...config, sites: (config.sites ?? [SITE.parse({ name: config.site })]).map(withDefaults) }));

/** Everything decided: what the stacks and the runtime read. */
export type Settings = z.output<typeof CONFIG>;
export type SiteSettings = Settings["sites"][number];
export type QueueSettings = SiteSettings["queues"][number];

/**
 * Checks a configuration and fills in the defaults. Throws `invalid_configuration`, with `details.field` as JSON pointer.
 * @example export const config = defineConfig({ site: "london", concurrency: 32, jobTimeoutDays: 30, retentionDays: 7 });
 */
export function defineConfig(config: FanfoldConfig): Settings {
  const parsed = CONFIG.safeParse(config);
  if (parsed.success) return parsed.data;
  const { field, message } = describeIssue(parsed.error);
  throw new FanfoldError("invalid_configuration", `fanfold.config.ts: ${field === "" ? "the configuration" : field} ${message}`, { details: { field } });
}

/** The default queue, and a size for each function that some queue needs. */
function withDefaults(site: z.output<typeof SITE>) {
  const queues = site.queues.some((queue) => queue.name === "default" && queue.function === "worker")
    ? site.queues
    : [QUEUE.parse({ name: "default" }), ...site.queues];
  const kinds = QUEUE_FUNCTIONS.filter((kind) => queues.some((queue) => queue.function === kind));
  return { ...site, queues, functions: kinds.map((kind) => ({ kind, ...(site.functions[kind] ?? FUNCTION.parse({})) })) };
}

function noneTwice<T>(list: readonly T[], keyOf: (item: T) => string, context: z.RefinementCtx, field?: string): void {
  list.forEach((item, index) => {
    const earlier = list.findIndex((other) => keyOf(other) === keyOf(item));
    if (earlier === index) return;
    context.addIssue({ code: "custom", path: field === undefined ? [index] : [field, index], message: `repeats ${keyOf(item)} of entry ${earlier}` });
  });
}
