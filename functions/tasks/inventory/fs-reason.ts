/** The process, not the file, is short of something: the same call may succeed later, so it says nothing about the folder. */
const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ENOBUFS"]);

/** The code of a file system error, as the reason of a failure. Anything else, and a shortage, is thrown on: then the attempt fails and is repeated. */
export function fsReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code) || SHORTAGES.has(code)) throw error;
  return code;
}
