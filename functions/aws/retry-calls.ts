import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../core/errors.ts";
import { PortError } from "../engine/ports.ts";
import type { Usage } from "./usage.ts";

/**
 * Attempts of one call, which wait at most 1.6 s in all. A caller that is still throttled then returns its message and
 * retries later.
 */
const ATTEMPTS = 7;
const FIRST_WAIT_MS = 25;

/**
 * Waits a random time up to a bound that doubles with each attempt ("full jitter"). Callers that failed together
 * therefore do not retry together.
 */
async function backOff(attempt: number): Promise<void> {
  await pause(Math.random() * FIRST_WAIT_MS * 2 ** attempt);
}

export interface Call<T> {
  readonly usage: Usage;
  /** The operation and its object, for people: `reading blob x`. */
  readonly what: string;
  /** A `write` whose answer was lost may or may not have been applied. */
  readonly kind: "read" | "write";
  readonly send: () => Promise<T>;
  /** Returns the value of an error that is an expected answer, and undefined for all other errors. */
  readonly answer?: (error: unknown) => { readonly value: T } | undefined;
}

/**
 * Sends until there is an answer or the attempts are used up. A repeated write may be refused because its own first
 * attempt was applied, so the caller must recognise its own write in the refused item.
 * @throws PortError when AWS gave no usable answer
 * @throws FanfoldError `internal` when AWS says that the request itself is wrong
 */
export async function retrying<T>({ usage, what, kind, send, answer }: Call<T>): Promise<T> {
  let ambiguous = false;
  for (let attempt = 0; ; attempt++) {
    usage.requests++;
    if (attempt > 0) usage.retries++;
    try {
      return await send();
    } catch (error) {
      const answered = answer?.(error);
      if (answered !== undefined) return answered.value;
      if (error instanceof FanfoldError) throw error;
      const failure = failureOf(error);
      if (failure === undefined) throw new FanfoldError("internal", `${what}: ${messageOf(error)}`, { cause: error });
      ambiguous ||= failure.kind === "ambiguous";
      if (!failure.again || attempt + 1 >= ATTEMPTS)
        throw portError(ambiguous ? "ambiguous" : failure.kind, kind, what, error);
      await backOff(attempt);
    }
  }
}

/**
 * Sends a batch whose entries are accepted or refused one by one. `send` returns the entries to send again, and the
 * reason. An attempt counts only when no entry was accepted.
 */
export async function retryingEntries<T>(
  what: string,
  entries: readonly T[],
  send: (entries: readonly T[]) => Promise<Unaccepted<T>>,
): Promise<void> {
  let left = entries;
  for (let attempt = 0; left.length > 0;) {
    const { entries: unaccepted, reason } = await send(left);
    if (unaccepted.length === 0) return;
    attempt = unaccepted.length < left.length ? 0 : attempt + 1;
    left = unaccepted;
    if (attempt >= ATTEMPTS)
      throw new PortError("throttled", `${what}: ${left.length} of ${entries.length} were not accepted: ${reason}`);
    await backOff(attempt);
  }
}
export interface Unaccepted<T> {
  readonly entries: readonly T[];
  readonly reason: string;
}

interface Failure {
  readonly kind: PortError["kind"];
  readonly again: boolean;
}
const THROTTLED: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "ExecutionLimitExceeded",
  "ThrottlingException",
  "ThrottledException",
  "Throttling",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "TooManyRequestsException",
  "SlowDown",
  "KmsThrottled",
  "OverLimit",
]);
/** Codes of requests that never left this machine. */
const UNSENT: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
/** These answers carry the time of AWS, and the SDK signs the next attempt with it. */
const CLOCK: ReadonlySet<string> = new Set([
  "RequestTimeTooSkewed",
  "RequestExpired",
  "RequestInTheFuture",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
]);
/**
 * The deployment is incomplete, or its credentials are not valid. The call succeeds again once an operator has repaired
 * it.
 */
const DEPLOYMENT: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AuthorizationHeaderMalformed",
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "KmsAccessDenied",
  "NoSuchBucket",
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "ResourceNotFoundException",
  "StateMachineDoesNotExist",
  "UnrecognizedClientException",
]);

/** Returns undefined when AWS understood the request and rejects it as wrong. */
function failureOf(error: unknown): Failure | undefined {
  const {
    name = "",
    code = "",
    $metadata,
    $response,
  } = error as {
    name?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
    $response?: { statusCode?: number };
  };
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  if (THROTTLED.has(name) || status === 429) return { kind: "throttled", again: true };
  if (UNSENT.has(code)) return { kind: "outage", again: true };
  if (CLOCK.has(name)) return { kind: "outage", again: true };
  if (DEPLOYMENT.has(name)) return { kind: "outage", again: false };
  // There is no answer, or it does not say what was done.
  if (status === undefined || status >= 500 || status < 400) return { kind: "ambiguous", again: true };
  return undefined;
}

function portError(failure: PortError["kind"], kind: "read" | "write", what: string, error: unknown): PortError {
  return new PortError(
    failure === "ambiguous" && kind === "read" ? "outage" : failure,
    `${what}: ${messageOf(error)}`,
    { cause: error },
  );
}
function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
