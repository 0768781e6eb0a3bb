/**
 * Errors of a process that is short of resources. The same call may succeed later, so they say nothing about the
 * folder.
 */
const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ENOBUFS"]);

/**
 * Returns the code of a file system error as the reason of a failure. Throws any other error, and a shortage, so that
 * the attempt fails and is retried.
 */
export function fsReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code) || SHORTAGES.has(code)) throw error;
  return code;
}
