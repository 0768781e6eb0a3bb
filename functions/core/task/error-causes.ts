/** Codes by which Node, and undici below `fetch`, report that the other side could not be reached. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETRESET",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_SOCKET",
]);
/** Errors that the search for a connection error looks at. A chain may be endless, because getters may build it. */
const SEARCHED = 16;

/**
 * Returns whether the error, one of its causes, or a part of an AggregateError says that the other side could not be
 * reached. A process that was started by the task and ran too long has the code of a timeout, too, but is none.
 */
export function isConnectionError(thrown: unknown): boolean {
  const open: unknown[] = [thrown];
  for (let seen = 0; seen < SEARCHED && open.length > 0; seen++) {
    const error = open.shift();
    if (!isObject(error)) continue;
    const started = readText(error, "syscall")?.startsWith("spawn") ?? false;
    if (CONNECTION_CODES.has(readText(error, "code") ?? "") && !started) return true;
    open.push(read(error, "cause"), ...partsOf(error));
  }
  return false;
}
/** Returns the causes of an error, the nearest first. An AggregateError without a cause is caused by its first part. */
export function causesOf(thrown: object): readonly unknown[] {
  const causes: unknown[] = [];
  let error: unknown = thrown;
  while (isObject(error) && causes.length < SEARCHED) {
    error = read(error, "cause") ?? partsOf(error)[0];
    if (error === undefined || error === null) break;
    causes.push(error);
  }
  return causes;
}
function partsOf(error: object): readonly unknown[] {
  try {
    const parts = read(error, "errors");
    return Array.isArray(parts) ? parts.slice(0, SEARCHED) : [];
  } catch {
    return [];
  }
}

export function isObject(value: unknown): value is object {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}
/** Reads a property of a foreign object, whose getters may throw. */
export function read(object: object, key: string): unknown {
  try {
    return (object as { [key: string]: unknown })[key];
  } catch {
    return undefined;
  }
}
export function readText(object: object, key: string): string | undefined {
  const value = read(object, key);
  return typeof value === "string" ? value : undefined;
}
