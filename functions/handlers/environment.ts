import { FanfoldError } from "../core/errors.ts";
import { DEFAULT_PREFIX } from "../core/names/aws-resource-names.ts";
import type { FunctionSecrets } from "./function-secrets.ts";
import { DEFAULT_CONFIG, type EngineConfig } from "../engine/config.ts";

/** The settings that the stacks give to a function. */
export interface Environment {
  /** FANFOLD_PREFIX: the prefix that names the deployment. */
  readonly prefix: string;
  readonly functionName: string;
  /** Most runs at the same time in one process. */
  readonly concurrency: number;
  readonly engine: Partial<EngineConfig>;
  /** FANFOLD_STATE_MACHINE_ARN: the machine that supervises jobs. Set only where jobs are started. */
  readonly stateMachineArn: string | undefined;
  /** FANFOLD_STREAMING=1: API Gateway passes answers on as they are made. */
  readonly streaming: boolean;
  /** FANFOLD_SECRETS: where the secrets of its tasks are. Never what they are. */
  readonly secrets: FunctionSecrets;
  /** All environment variables, for the ports. */
  readonly variables: Variables;
}
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads a function's settings. FANFOLD_CONFIG holds what functions use of fanfold.config.ts, `{ site, queues,
 * caps, concurrency, jobTimeoutDays, retentionDays }`, each optional.
 * @throws FanfoldError `invalid_request` when FANFOLD_CONFIG is not a JSON object
 */
export function readEnvironment(variables: Variables): Environment {
  const config = readObject(variables, "FANFOLD_CONFIG");
  const number = (name: string, fallback: number): number =>
    typeof config[name] === "number" ? config[name] : fallback;
  const site = typeof config["site"] === "string" ? config["site"] : (variables["FANFOLD_SITE"] ?? DEFAULT_CONFIG.site);
  return {
    prefix: variables["FANFOLD_PREFIX"] ?? DEFAULT_PREFIX,
    functionName: variables["AWS_LAMBDA_FUNCTION_NAME"] || "function",
    concurrency: number("concurrency", DEFAULT_CONCURRENCY),
    engine: {
      site,
      queues: Array.isArray(config["queues"]) ? (config["queues"] as readonly string[]) : undefined,
      caps: config["caps"] as EngineConfig["caps"],
      executions: { prefix: variables["FANFOLD_PREFIX"] ?? DEFAULT_PREFIX },
      defaultJobTimeoutSeconds: number("jobTimeoutDays", DEFAULT_CONFIG.defaultJobTimeoutSeconds / DAY) * DAY,
      retentionSeconds: number("retentionDays", DEFAULT_CONFIG.retentionSeconds / DAY) * DAY,
    },
    stateMachineArn: variables["FANFOLD_STATE_MACHINE_ARN"] || undefined,
    streaming: variables["FANFOLD_STREAMING"] === "1",
    secrets: readObject(variables, "FANFOLD_SECRETS") as FunctionSecrets,
    variables,
  };
}
const DAY = 86_400;
const DEFAULT_CONCURRENCY = 32;

function readObject(variables: Variables, name: string): { readonly [name: string]: unknown } {
  const text = variables[name];
  if (text === undefined || text === "") return {};
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return config as { [name: string]: unknown };
  } catch {
    // The error below covers this case.
  }
  throw new FanfoldError("invalid_request", `${name} is not a JSON object: deploy again with \`npm run deploy\``, {
    details: { field: name },
  });
}
