import { createAwsPorts } from "../aws/aws-ports.ts";
import type { SecretPlace } from "../aws/aws-secrets.ts";
import { SystemClock } from "../host/system-clock.ts";
import { SystemIds } from "../host/system-ids.ts";
import { readEnvironment } from "./environment.ts";
import type { Open } from "./open-function.ts";
import { printLine } from "./report.ts";

/** Opens AWS for a deployed function. The rarer ports are included only where the function's role may use them. */
export const openAws: Open = async (wanted) => {
  const environment = readEnvironment(process.env);
  const { tokens, executions, supervisions, ...ports } = createAwsPorts(environment.variables);
  const common = { ...ports, visibility: ports.queue, ids: new SystemIds(new SystemClock()) };
  const platform = {
    ...common,
    readSecret: async (place: SecretPlace) =>
      (await import("../aws/aws-secrets.ts")).readSecret(place, environment.variables),
    ...(wanted.tokens && { tokens }),
    ...(wanted.executions && executions && { executions }),
    ...(wanted.supervisions && supervisions && { supervisions }),
  };
  return { environment, platform, print: printLine, now: Date.now };
};
