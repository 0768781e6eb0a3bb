import * as z from "zod";
import { FanfoldError } from "../core/errors.ts";
import { ENGINE_QUEUE, QUEUE_FUNCTIONS, type QueueFunction } from "../core/names/queue-name.ts";
import {
  FUNCTION,
  type FunctionConfig,
  functionOf,
  NEEDS,
  type NeedsConfig,
  refuseNeeds,
  whole,
} from "./function-config.ts";
import { refuseRepeats } from "./refuse-repeats.ts";
import { type NamedSchedule, SCHEDULES } from "./schedule-config.ts";
import { describeIssue } from "./schema-issue.ts";

/**
 * The settings of a deployment, as fanfold.config.ts states them. The stacks and the runtime of a single machine read
 * the same file.
 */
export interface FanfoldConfig {
  /** Site of queues that name none. It must be one of `sites`. Letters, digits, `_` and `-`, like every name here. */
  readonly site: string;
  /** Concurrent runs in each worker process of a single machine. Each of its queues has fewer, see `threads`. */
  readonly concurrency: number;
  /**
   * When a worker process of a single machine is replaced by a new one, between runs. After so many `runs` begun, or
   * above so many MB of resident memory (`memoryMb`, at least 256). For code that leaks. Default: never.
   */
  readonly recycle?: { readonly runs?: number; readonly memoryMb?: number };
  /** Days until a job without a timeout of its own is timed out, at most 365. */
  readonly jobTimeoutDays: number;
  /** Days that all data of a job is kept after its deadline. */
  readonly retentionDays: number;
  /**
   * First part of every resource name in an AWS account, so that several deployments fit into one. Another prefix is
   * another deployment. Default `fanfold`.
   */
  readonly prefix?: string;
  /** Module that exports tasks and workflows, relative to the repository. Default `functions/tasks/index.ts`. */
  readonly tasks?: string;
  /** Places where work runs, each with a stack. Default: one, named like `site`. */
  readonly sites?: readonly SiteConfig[];
  /** What starts at certain times (docs/guide-schedules.md). Removing one here removes it. Default: none. */
  readonly schedules?: readonly NamedSchedule[];
  /** The HTTP API on AWS. */
  readonly api?: ApiConfig;
  /** The DynamoDB tables. */
  readonly tables?: TablesConfig;
  /** The alarms. */
  readonly alarms?: AlarmsConfig;
  /** Days that logs are kept, one of the periods that CloudWatch accepts. Default 30. */
  readonly logRetentionDays?: LogRetentionDays;
  /**
   * What becomes of tables, values and users when their stack is destroyed. `destroy` is for trials: they go, with all
   * data. Default `retain`.
   */
  readonly removal?: "retain" | "destroy";
  /**
   * Tags on every resource, beside `fanfold:deployment` and `fanfold:component`. Activate them as cost allocation tags
   * to see the cost of the deployment.
   */
  readonly tags?: Readonly<Record<string, string>>;
}

/** One place where work runs. */
export interface SiteConfig extends NeedsConfig {
  /** Name of the site, at most 40 characters. */
  readonly name: string;
  /** Module of the tasks that run here. Default: that of the deployment. */
  readonly tasks?: string;
  /**
   * Packages that are installed beside the code of its tasks: native ones, for instance `sharp`. Each is a dependency
   * in package.json. Default: none.
   */
  readonly nodeModules?: readonly string[];
  /**
   * Packages that are left out of its code, because a layer has them or no task needs them, for instance `pg-native`.
   * Default: none.
   */
  readonly external?: readonly string[];
  /**
   * Queues of the site. The queue `default` with the function `worker` always exists, so name it only to set its
   * numbers.
   */
  readonly queues?: readonly QueueConfig[];
  /**
   * Concurrent runs of one queue in each worker process of a single machine, for queues without a number of their own.
   * At most `concurrency`. Default 10.
   */
  readonly threads?: number;
  /** Cap of each queue of the site that sets none of its own. Default: none. */
  readonly cap?: number;
  /** `false` parks the work of this site until this is `true` again (docs/guide-flow.md). Default `true`. */
  readonly process?: boolean;
  /** Settings of the Lambda function that serves each kind of work. */
  readonly functions?: { readonly [name in QueueFunction]?: FunctionConfig };
}

/** One queue of a site. */
export interface QueueConfig {
  /** Name of the queue, at most 60 characters. */
  readonly name: string;
  /** Kind of work. `interactive` and `settings` exist on the queue `default` only. Default `worker`. */
  readonly function?: QueueFunction;
  /** Concurrent runs in each worker process of a single machine, at most `concurrency`. Default: that of the site. */
  readonly threads?: number;
  /**
   * Turns of this queue on a single machine, 1 to 100, while the slots of a worker process are wanted by several
   * queues. One of weight 2 has twice the turns of one of weight 1. Default 1.
   */
  readonly weight?: number;
  /**
   * The most messages of this queue that are ready or being handled, 1 to 100,000. A message names one run, or up to
   * 256 of a big group. What would go beyond that waits in the backlog of the queue (docs/guide-flow.md). On AWS the
   * numbers are approximate. Default: that of the site, else none.
   */
  readonly cap?: number;
  /** `true` gives each priority band a queue of its own on AWS, so that urgent runs overtake others. Default `false`. */
  readonly bands?: boolean;
  /** Concurrent invocations, 2 to 1,000. Excludes `pollers`. Default 50. */
  readonly maxConcurrency?: number;
  /**
   * Pollers reserved for this queue, for work that must start within milliseconds. `minimum` is 2 to 200, `maximum` 2
   * to 2,000. They are billed by the hour.
   */
  readonly pollers?: { readonly minimum: number; readonly maximum: number };
  /** Messages per invocation, 1 to 1,000. Above 10, `windowSeconds` must be at least 1. Default 10. */
  readonly batchSize?: number;
  /** Seconds that Lambda waits for a batch to fill, 0 to 300. Default 0. */
  readonly windowSeconds?: number;
}

/** Settings of the HTTP API on AWS. */
export interface ApiConfig {
  /**
   * How callers authenticate: `iam` (default) with requests signed by AWS credentials, `cognito` with a token of a user
   * pool.
   */
  readonly auth?: "iam" | "cognito";
  /** With `cognito`, the ARN of an existing user pool. Default: a new pool without self sign-up. */
  readonly userPoolArn?: string;
  /**
   * OAuth scopes. A token must be an access token that carries one of them. Default: none, so an ID token is expected.
   */
  readonly scopes?: readonly string[];
  /** Requests per second and burst, over all callers. Default 100 and 200. */
  readonly throttle?: { readonly ratePerSecond: number; readonly burst: number };
  /** `true` streams long answers. Default `true`. */
  readonly streaming?: boolean;
  /**
   * API Gateway writes access and error logs only with a role that is one setting of the account and region. `create`
   * sets it, for all APIs of the account. `exists` uses the one that is set. Default: none, so it writes no logs.
   */
  readonly accountLogRole?: "create" | "exists";
}

/** Settings of the DynamoDB tables. */
export interface TablesConfig {
  /**
   * Read and write units per second that both tables serve from the start, for bursts right after a deploy. Billed once
   * when raised. Default: that of new tables.
   */
  readonly warmThroughput?: { readonly readUnitsPerSecond: number; readonly writeUnitsPerSecond: number };
}

/** Settings of the alarms. */
export interface AlarmsConfig {
  /**
   * Address that receives every alarm after it has confirmed the subscription. Default: none; the topic exists anyway.
   */
  readonly email?: string;
  /** Age of the oldest message, in seconds, above which a queue has too few workers. Default 3,600. */
  readonly oldestMessageSeconds?: number;
  /** Share of failed jobs, and of failed runs, above which an alarm comes, in percent. Default 50. */
  readonly failedPercent?: number;
}

/** Periods in days that CloudWatch accepts for the retention of logs. */
export const LOG_RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653] as const;
/** One of the periods in `LOG_RETENTION_DAYS`. */
export type LogRetentionDays = (typeof LOG_RETENTION_DAYS)[number];

/** Names are parts of AWS resource names, ARNs and queue names, so their characters are limited. */
const name = (characters: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, "must consist of letters, digits, _ and -")
    .max(characters, `must have at most ${characters} characters`);
const modulePath = z.string().regex(/\.[cm]?[jt]s$/, "must be the path of a module that ends in .ts, .mts or .js");

const QUEUE = z
  .strictObject({
    name: name(60).refine((text) => text !== ENGINE_QUEUE, `must not be "${ENGINE_QUEUE}", which is the engine's own`),
    function: z.enum(QUEUE_FUNCTIONS).default("worker"),
    threads: whole(1, 10_000).optional(),
    weight: whole(1, 100).optional(),
    cap: whole(1, 100_000).optional(),
    bands: z.boolean().default(false),
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
const packages = z
  .array(
    z.string().regex(/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/, "must be the name of a package, for instance sharp"),
  )
  .default([]);
const SITE = z
  .strictObject({
    ...NEEDS,
    name: name(40),
    tasks: modulePath.optional(),
    nodeModules: packages,
    external: packages,
    queues: z
      .array(QUEUE)
      .default([])
      .superRefine((queues, context) => refuseRepeats(queues, (queue) => `${queue.name}#${queue.function}`, context)),
    threads: whole(1, 10_000).optional(),
    cap: whole(1, 100_000).optional(),
    process: z.boolean().default(true),
    functions: z
      .strictObject(Object.fromEntries(QUEUE_FUNCTIONS.map((each) => [each, FUNCTION.optional()])))
      .default({}),
  })
  .superRefine((site, context) => {
    for (const [kind, own] of [["worker", undefined] as const, ...Object.entries(site.functions)])
      refuseNeeds(functionOf(site, own ?? FUNCTION.parse({})), own === undefined ? [] : ["functions", kind], context);
  });
const CONFIG = z
  .strictObject({
    // The name of the bucket has the prefix, the account and the region in at most 63 lower-case characters.
    prefix: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,18}[a-z0-9]$/,
        "must be 2 to 20 lower case letters, digits and -, from a letter to a letter or digit",
      )
      .default("fanfold"),
    site: name(40),
    concurrency: whole(1, 10_000),
    recycle: z
      .strictObject({ runs: whole(1, 1_000_000_000).optional(), memoryMb: whole(256, 10_000_000).optional() })
      .optional(),
    jobTimeoutDays: z.number().positive("must be above 0").max(365, "must be at most 365"),
    retentionDays: z.number().min(0, "must not be negative").max(3_650, "must be at most 3650"),
    tasks: modulePath.default("functions/tasks/index.ts"),
    sites: z.array(SITE).min(1, "must name at least one site; leave it out for one site").optional(),
    schedules: SCHEDULES,
    api: z
      .strictObject({
        auth: z.enum(["iam", "cognito"]).default("iam"),
        userPoolArn: z
          .string()
          .regex(/^arn:[^:]+:cognito-idp:[^:]+:\d{12}:userpool\/.+$/, "must be the ARN of a Cognito user pool")
          .optional(),
        scopes: z.array(z.string().min(1)).default([]),
        throttle: z
          .strictObject({ ratePerSecond: whole(1, 100_000), burst: whole(1, 100_000) })
          .default({ ratePerSecond: 100, burst: 200 }),
        streaming: z.boolean().default(true),
        accountLogRole: z.enum(["create", "exists"]).optional(),
      })
      .prefault({})
      .refine((api) => api.auth === "cognito" || (api.userPoolArn === undefined && api.scopes.length === 0), {
        path: ["auth"],
        message: 'must be "cognito" when userPoolArn or scopes are given',
      }),
    tables: z
      .strictObject({
        warmThroughput: z
          .strictObject({ readUnitsPerSecond: whole(12_000, 1_000_000), writeUnitsPerSecond: whole(4_000, 1_000_000) })
          .optional(),
      })
      .prefault({}),
    alarms: z
      .strictObject({
        email: z.email("must be an e-mail address").optional(),
        oldestMessageSeconds: whole(60, 345_600).default(3_600),
        failedPercent: whole(0, 99).default(50),
      })
      .prefault({}),
    logRetentionDays: z.literal(LOG_RETENTION_DAYS, `must be one of ${LOG_RETENTION_DAYS.join(", ")}`).default(30),
    removal: z.enum(["retain", "destroy"]).default("retain"),
    tags: z.record(z.string().min(1).max(128), z.string().max(256)).default({}),
  })
  .superRefine(({ sites, site, concurrency }, context) => {
    sites?.forEach((each, index) => {
      refuseUnusable(each.threads, concurrency, ["sites", index], context);
      each.queues.forEach(({ threads }, queue) =>
        refuseUnusable(threads, concurrency, ["sites", index, "queues", queue], context),
      );
    });
    refuseRepeats(sites ?? [], (each) => each.name, context, "sites");
    if (sites !== undefined && !sites.some((each) => each.name === site)) {
      context.addIssue({
        code: "custom",
        path: ["site"],
        message: `names no site of \`sites\`: ${sites.map((each) => each.name).join(", ")}`,
      });
    }
  })
  .transform((config) => ({
    ...config,
    sites: (config.sites ?? [SITE.parse({ name: config.site })]).map(withDefaults),
  }));

/** A complete configuration, with all defaults filled in. The stacks and the runtime read it. */
export type Settings = z.output<typeof CONFIG>;
/** Settings of one site. */
export type SiteSettings = Settings["sites"][number];
/** Settings of one queue. */
export type QueueSettings = SiteSettings["queues"][number];

/**
 * Returns a checked configuration with all defaults filled in.
 * @throws FanfoldError `invalid_configuration`, with `details.field` as JSON pointer
 * @example export const config = defineConfig({ site: "london", concurrency: 32, jobTimeoutDays: 30, retentionDays: 7 });
 */
export function defineConfig(config: FanfoldConfig): Settings {
  const parsed = CONFIG.safeParse(config);
  if (parsed.success) return parsed.data;
  const { field, message } = describeIssue(parsed.error);
  throw new FanfoldError(
    "invalid_configuration",
    `fanfold.config.ts: ${field === "" ? "the configuration" : field} ${message}`,
    { details: { field } },
  );
}

/** Adds the default queue, and settings for each function that a queue needs, with what its site names. */
function withDefaults(site: z.output<typeof SITE>) {
  const queues = site.queues.some((queue) => queue.name === "default" && queue.function === "worker")
    ? site.queues
    : [QUEUE.parse({ name: "default" }), ...site.queues];
  const kinds = QUEUE_FUNCTIONS.filter((kind) => queues.some((queue) => queue.function === kind));
  return {
    ...site,
    queues,
    functions: kinds.map((kind) => ({ kind, ...functionOf(site, site.functions[kind] ?? FUNCTION.parse({})) })),
  };
}

/** Reports threads that no worker process has slots for. */
function refuseUnusable(
  threads: number | undefined,
  concurrency: number,
  place: readonly (string | number)[],
  context: z.RefinementCtx,
): void {
  if (threads === undefined || threads <= concurrency) return;
  const message = `must not be above concurrency, which is ${concurrency}`;
  context.addIssue({ code: "custom", path: [...place, "threads"], message });
}
