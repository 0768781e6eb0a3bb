import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../core/errors.ts";
import { PortError } from "../engine/ports.ts";
import type { Usage } from "./usage.ts";

/** Waits at most 1.6 s in all: whoever is still throttled then gives its message back, and tries later. */
const ATTEMPTS = 7;
const FIRST_WAIT_MS = 25;

/** A random time up to a bound that doubles ("full jitter"): callers that failed together do not come back together. */
async function backOff(attempt: number): Promise<void> {
  await pause(Math.random() * FIRST_WAIT_MS * 2 ** attempt);
}

export interface Call<T> {
  readonly usage: Usage;
  /** For people: what was tried, on what. */
  readonly what: string;
  /** `write`: nobody knows what became of it when the answer is lost. */
  readonly kind: "read" | "write";
  readonly send: () => Promise<T>;
  /** Errors that are answers: gives the answer, or undefined for all others. */
  readonly answer?: (error: unknown) => { readonly value: T } | undefined;
}

/**
 * Sends until there is an answer, or the attempts are over. A write that was repeated may meet itself: its condition is then refused by its own mark,
 * which its caller must recognise. Throws PortError; FanfoldError `internal` when AWS says that the request itself is wrong.
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
      if (!failure.again || attempt + 1 >= ATTEMPTS) throw portError(ambiguous ? "ambiguous" : failure.kind, kind, what, error);
      await backOff(attempt);
    }
  }
}

/**
 * For calls that carry many entries and answer for each. `send` gives what must be sent again, and why. Attempts count only while nothing moves.
 */
export async function retryingEntries<T>(what: string, entries: readonly T[], send: (entries: readonly T[]) => Promise<Unaccepted<T>>): Promise<void> {
  let left = entries;
  for (let attempt = 0; left.length > 0;) {
    const { entries: unaccepted, reason } = await send(left);
    if (unaccepted.length === 0) return;
    attempt = unaccepted.length < left.length ? 0 : attempt + 1;
    left = unaccepted;
    if (attempt >= ATTEMPTS) throw new PortError("throttled", `${what}: ${left.length} of ${entries.length} were not accepted: ${reason}`);
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
/** Nothing has left this machine. */
const UNSENT: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
/** The SDK learns the time from such an answer, and signs the next attempt with it. */
const CLOCK: ReadonlySet<string> = new Set([
  "RequestTimeTooSkewed",
  "RequestExpired",
  "RequestInTheFuture",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
]);
/** Of a deployment that is not whole, or no longer: right again once somebody has repaired it. */
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

/** undefined: AWS has understood the request, and it is wrong. */
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
  // No answer, or one that says nothing about what was done.
  if (status === undefined || status >= 500 || status < 400) return { kind: "ambiguous", again: true };
  return undefined;
}

function portError(failure: PortError["kind"], kind: "read" | "write", what: string, error: unknown): PortError {
  return new PortError(failure === "ambiguous" && kind === "read" ? "outage" : failure, `${what}: ${messageOf(error)}`, { cause: error });
}
function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
