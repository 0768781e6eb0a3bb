/** Sizes are bytes of UTF-8 JSON. One place; a deployment may lower them, never raise them above what the platform carries. */
export const LIMITS = {
  /** A value or argument list up to this size stays in its item; above it goes to Blobs (claim check). */
  inlineBytes: 4 * 1024,
  /** Arguments or results of one run by value. Above it the error names the streaming alternative. */
  valueBytes: 16 * 1024 * 1024,
  /** Input of an execution: what Step Functions carries. */
  executionInputBytes: 256 * 1024,
  /** A submitted canvas (Lambda binds a request to 6 MB). */
  canvasBytes: 6 * 1024 * 1024,
  /** Nesting of a submitted canvas and of any JSON argument. */
  jsonDepth: 200,
  /** Nesting of groups in the tree of a job. */
  groupDepth: 32,
  /** Members of one group given at once. */
  groupMembers: 1_000_000,
  /** Steps of one strand. */
  strandSteps: 9_999,
  /** Links, or error links, of one signature. */
  links: 100,
  /** Different stamps of a canvas by which its job is found. */
  indexedStamps: 16,
  /** Stamps that are revoked in one job, and characters of each with its value. */
  revokedStamps: 50,
  revokedStampCharacters: 400,
  /** Names of tasks, workflows, queues. */
  nameCharacters: 200,
  idempotencyKeyCharacters: 255,
  errorMessageCharacters: 2_000,
  errorStackCharacters: 8_000,
  /** JSON of a streaming task's cursor: it rests in the row of a page. Room for the longest path of a file system, each byte of it escaped. */
  cursorCharacters: 32 * 1024,
  /** User counters that a group distinguishes in one write; more are added up as `u_other`. */
  userCounters: 20,
  /** Events that a run waits for at once, and names of events that it waits for with a timeout: they rest in its row. */
  awaitedEvents: 50,
  logLines: 200,
  /** Characters of a run's whole log, fields included. */
  logCharacters: 64 * 1024,
  logLineCharacters: 2_000,
  /** Children that one run may spawn at once (streaming has no such bound). */
  spawnedChildren: 100_000,
  pageItems: 4_096,
  pageBytes: 4 * 1024 * 1024,
} as const;
