import * as z from "zod";

/** What tasks need beside their code. Of a site it holds for all its functions; a function adds its own. */
export interface NeedsConfig {
  /**
   * Environment variables of the tasks, by name. In a CDK app values may be tokens, such as `table.tableName`. On one
   * machine `.env` and the environment of the process come first. Nothing here is secret. Default: none.
   * @example { SHOP_URL: "https://shop.example" }
   */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * What `ctx.secret` may ask for, by name. A worker reads each at its first use. On one machine the value is that of
   * `.env`, or of the environment, by the same name. Default: none.
   * @example { STRIPE_KEY: { secret: "shop/stripe", field: "key" }, SALT: { parameter: "/shop/salt" } }
   */
  readonly secrets?: Readonly<Record<string, SecretConfig>>;
  /** The network of the functions on AWS. Default: none, so they reach the internet and no private addresses. */
  readonly vpc?: VpcConfig;
  /** ARNs of layers on AWS, at most 5 for a function. Those of the site come first. Default: none. */
  readonly layers?: readonly string[];
}
/** Where a secret is on AWS: in Secrets Manager (`secret`) or in the Parameter Store (`parameter`). */
export interface SecretConfig {
  /** Name or ARN of a secret of Secrets Manager. A CDK token must be an ARN. Excludes `parameter`. */
  readonly secret?: string;
  /** Field of a secret whose text is a JSON object, as AWS makes them for databases. Default: the whole text. */
  readonly field?: string;
  /** Name or ARN of a parameter of Systems Manager, encrypted or not. A CDK token must be an ARN. */
  readonly parameter?: string;
  /** ARN of the KMS key of yours that encrypts it. Default: the key that AWS keeps for the account. */
  readonly key?: string;
  /** Seconds after which a worker reads it again, 0 to 86,400; with 0 each time. Default 300. */
  readonly ttlSeconds?: number;
}
/** The network of functions. */
export interface VpcConfig {
  /** Ids of subnets, in several zones for high availability. They need a way to DynamoDB, SQS, S3 and Step Functions. */
  readonly subnetIds: readonly string[];
  /** Ids of security groups. */
  readonly securityGroupIds: readonly string[];
}

/** Settings of one Lambda function. */
export interface FunctionConfig extends NeedsConfig {
  /** Memory in MB, 128 to 10,240. CPU grows with memory, and 1,769 MB are one core. Default 1,024. */
  readonly memoryMb?: number;
  /** Seconds until an invocation ends, 30 to 900. It limits one attempt of a task here. Default 300. */
  readonly timeoutSeconds?: number;
  /** Concurrent invocations of the account that are reserved for this function. Default: none. */
  readonly reservedConcurrency?: number;
  /**
   * Permissions of the tasks on AWS, beside those that the engine needs. Actions are named in full, without `*`. What
   * `secrets` names needs none. Default: none.
   */
  readonly permissions?: readonly PermissionConfig[];
}

/**
 * Actions that tasks may call on these resources.
 * @example { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::invoices/2026/*"] }
 */
export interface PermissionConfig {
  /** Actions, for instance `s3:GetObject`. */
  readonly actions: readonly string[];
  /** ARNs; `*` is allowed in them. In a CDK app also tokens, such as `bucket.arnForObjects("*")`. */
  readonly resources: readonly string[];
}

export const whole = (from: number, to: number) =>
  z.number().int("must be a whole number").min(from, `must be at least ${from}`).max(to, `must be at most ${to}`);

/** Returns whether a setting is a token of CDK, whose value is known at deploy time only. */
export const isToken = (text: string): boolean => text.includes("${Token[");
const arn = z.string().refine((text) => text.startsWith("arn:") || isToken(text), "must be an ARN");
const RESERVED = /^(FANFOLD_|AWS_|LAMBDA_|_)/;
const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must consist of letters, digits and _")
  .refine((text) => !RESERVED.test(text), "must not begin with FANFOLD_, AWS_, LAMBDA_ or _, which are not yours");
const named = (pattern: RegExp, service: string, what: string) =>
  z
    .string()
    .refine(
      (text) => pattern.test(text) || isToken(text) || new RegExp(`^arn:[^:]+:${service}:`).test(text),
      `must be the name or the ARN of a ${what}`,
    );
const SECRET = z
  .strictObject({
    secret: named(/^[A-Za-z0-9/_+=.@-]{1,512}$/, "secretsmanager", "secret").optional(),
    field: z.string().min(1).optional(),
    parameter: named(/^[A-Za-z0-9/_.-]{1,1011}$/, "ssm", "parameter").optional(),
    key: arn.optional(),
    ttlSeconds: whole(0, 86_400).default(300),
  })
  .refine(({ secret, parameter }) => (secret === undefined) !== (parameter === undefined), {
    path: ["secret"],
    message: "or parameter must be given, and not both",
  })
  .refine(({ field, parameter }) => field === undefined || parameter === undefined, {
    path: ["field"],
    message: "belongs to secret, not to parameter",
  });
export const NEEDS = {
  environment: z.record(variable, z.string()).default({}),
  secrets: z.record(variable, SECRET).default({}),
  vpc: z
    .strictObject({
      subnetIds: z.array(z.string().min(1)).min(1, "must name at least one subnet"),
      securityGroupIds: z.array(z.string().min(1)).min(1, "must name at least one security group"),
    })
    .optional(),
  layers: z.array(arn).default([]),
};
export const FUNCTION = z.strictObject({
  ...NEEDS,
  memoryMb: whole(128, 10_240).default(1_024),
  timeoutSeconds: whole(30, 900).default(300),
  reservedConcurrency: whole(1, 1_000_000).optional(),
  permissions: z
    .array(
      z.strictObject({
        actions: z
          .array(
            z.string().regex(/^[a-z0-9-]+:[A-Za-z0-9]+$/, "must name one action in full, for instance s3:GetObject"),
          )
          .min(1),
        resources: z.array(arn).min(1),
      }),
    )
    .default([]),
});

type Needs = Pick<z.output<typeof FUNCTION>, keyof typeof NEEDS>;

/** Returns the settings of a function with what its site names. The function's own come first. */
export function functionOf(site: Needs, own: z.output<typeof FUNCTION>): z.output<typeof FUNCTION> {
  const vpc = own.vpc ?? site.vpc;
  return {
    ...own,
    environment: { ...site.environment, ...own.environment },
    secrets: { ...site.secrets, ...own.secrets },
    layers: [...new Set([...site.layers, ...own.layers])],
    ...(vpc && { vpc }),
  };
}

const MOST_LAYERS = 5;
/** Reports what a function cannot have together. */
export function refuseNeeds(
  { environment, secrets, layers }: Needs,
  place: readonly (string | number)[],
  context: z.RefinementCtx,
): void {
  const twice = Object.keys(secrets).find((name) => Object.hasOwn(environment, name));
  if (twice !== undefined)
    context.addIssue({ code: "custom", path: [...place, "secrets", twice], message: "is in environment as well" });
  if (layers.length > MOST_LAYERS)
    context.addIssue({
      code: "custom",
      path: [...place, "layers"],
      message: `with those of the site are ${layers.length}: AWS accepts ${MOST_LAYERS}`,
    });
}
