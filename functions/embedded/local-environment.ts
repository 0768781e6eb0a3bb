import { FanfoldError } from "../core/errors.ts";
import type { Settings } from "../sdk/config.ts";
import { isToken } from "../sdk/function-config.ts";

type Variables = Record<string, string | undefined>;

/** Returns the names of all secrets of the configuration. One machine runs the tasks of every site. */
export function secretNames({ sites }: Pick<Settings, "sites">): readonly string[] {
  return [...new Set(functionsOf(sites).flatMap(({ secrets }) => Object.keys(secrets)))];
}

/**
 * Sees to it that the environment has what the configuration names. A variable that is not set takes its value from the
 * configuration. A secret, and what only a deployment knows, must be set.
 * @throws FanfoldError `missing_environment`, whose `details.names` are all that are missing
 */
export function provideEnvironment(settings: Pick<Settings, "sites">, variables: Variables = process.env): void {
  const isSet = (name: string): boolean => (variables[name] ?? "") !== "";
  const values = new Map<string, Set<string>>();
  for (const { environment } of functionsOf(settings.sites))
    for (const [name, value] of Object.entries(environment))
      values.set(name, (values.get(name) ?? new Set()).add(value));
  const open = [...values].filter(([name]) => variables[name] === undefined);
  const several = open.filter(([, given]) => given.size > 1).map(([name]) => name);
  const atDeploy = open.filter(([, given]) => given.size === 1 && isToken([...given].join())).map(([name]) => name);
  const secrets = secretNames(settings).filter((name) => !isSet(name));
  const missing = [
    ...secrets.map((name) => `${name} (a secret)`),
    ...atDeploy.map((name) => `${name} (known at deploy time only)`),
    ...several.map((name) => `${name} (with a value for each site or function)`),
  ];
  if (missing.length > 0)
    throw new FanfoldError(
      "missing_environment",
      `fanfold.config.ts names what is not set on this machine: ${missing.join(", ")}. Put it into .env beside that file, or into the environment`,
      { details: { names: [...secrets, ...atDeploy, ...several] } },
    );
  for (const [name, given] of open) variables[name] = [...given][0];
}
function functionsOf(sites: Settings["sites"]): Settings["sites"][number]["functions"] {
  return sites.flatMap(({ functions }) => functions);
}
