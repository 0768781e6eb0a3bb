import { FanfoldError } from "../core/errors.ts";
import { nearestName } from "../core/names/nearest-name.ts";

/** Returns the value of a secret, or throws `secret_unavailable`. */
export type SecretSource = (name: string) => Promise<string>;

type Variables = Readonly<Record<string, string | undefined>>;
const host = globalThis as { readonly process?: { readonly env: Variables } };

/**
 * Returns secrets that are variables of the environment, as on one machine. `known` are the names that the
 * configuration has; without it any variable may be asked for.
 */
export function variableSecrets(
  known?: readonly string[],
  variables: Variables = host.process?.env ?? {},
): SecretSource {
  return async (name) => {
    if (known !== undefined) requireSecret(name, known);
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value !== undefined && value !== "") return value;
    throw secretUnavailable(name, "no variable of this name is set: put it into .env or the environment");
  };
}
/** Returns the secrets of a test. Throws `secret_unavailable` for others. */
export function givenSecrets(values: Readonly<Record<string, string>>): SecretSource {
  return async (name) => {
    requireSecret(name, Object.keys(values));
    return values[name] as string;
  };
}

/** Throws `secret_unavailable` unless the name is known. */
export function requireSecret(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw secretUnavailable(name, `\`secrets\` of fanfold.config.ts does not name it${hint}`, { retryable: false });
}
/** The message never has the value, nor what a service said of it beyond its code. */
export function secretUnavailable(
  name: string,
  message: string,
  { retryable = true, cause }: { readonly retryable?: boolean; readonly cause?: unknown } = {},
): FanfoldError {
  return new FanfoldError("secret_unavailable", `the secret ${name} cannot be read: ${message}`, {
    details: { secret: name },
    retryable,
    cause,
  });
}
