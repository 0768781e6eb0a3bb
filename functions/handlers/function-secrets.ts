import type { SecretAnswer, SecretPlace } from "../aws/aws-secrets.ts";
import { requireSecret, type SecretSource, secretUnavailable } from "../sdk/secrets.ts";

/** The secrets of a function, as FANFOLD_SECRETS has them: by name, with seconds until they are read again. */
export type FunctionSecrets = Readonly<Record<string, SecretPlace & { readonly ttlSeconds: number }>>;
/** Reads one secret from AWS. */
export type ReadSecret = (place: SecretPlace) => Promise<SecretAnswer>;

/** Time after which a value that could not be read again is asked for once more. */
const AGAIN_MS = 10_000;

/**
 * Returns the secrets of a function. Each is read once per process, at its first use, and again when its time is over.
 * All who ask meanwhile share one call. A value that cannot be read again for a passing reason stays in use.
 */
export function functionSecrets(secrets: FunctionSecrets, read: ReadSecret, now: () => number): SecretSource {
  const values = new Map<string, { readonly value: string; readonly until: number }>();
  const reading = new Map<string, Promise<string>>();
  const readAnew = async (name: string): Promise<string> => {
    const { ttlSeconds, ...place } = secrets[name] as FunctionSecrets[string];
    const answer = await read(place);
    if ("value" in answer) {
      values.set(name, { value: answer.value, until: now() + ttlSeconds * 1_000 });
      return answer.value;
    }
    const kept = values.get(name);
    if (kept !== undefined && answer.passing) {
      values.set(name, { value: kept.value, until: now() + AGAIN_MS });
      return kept.value;
    }
    throw secretUnavailable(name, answer.problem, { cause: answer.cause });
  };
  return async (name) => {
    requireSecret(name, Object.keys(secrets));
    const kept = values.get(name);
    if (kept !== undefined && now() < kept.until) return kept.value;
    const shared = reading.get(name);
    if (shared !== undefined) return shared;
    const own = readAnew(name).finally(() => reading.delete(name));
    reading.set(name, own);
    return own;
  };
}
