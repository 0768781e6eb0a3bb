/**
 * All limits. Sizes are bytes of UTF-8 JSON. A deployment may lower a limit, but never raise it above what the platform
 * carries.
 */
export const LIMITS = {
  /** A value or argument list up to this size is stored in its item. A larger one goes to Blobs (claim check). */
  inlineBytes: 4 * 1024,
  /** Arguments or result of one run, passed by value. The error above this limit names streaming as the alternative. */
  valueBytes: 16 * 1024 * 1024,
  /** Content of one blob. S3 takes and copies no more at once. */
  blobBytes: 5 * 1024 ** 3,
  blobTypeCharacters: 200,
  /** References in the input of one run that are looked up before its code starts. Later ones are when they are opened. */
  checkedBlobs: 1_000,
  /** Input of an execution, a limit of Step Functions. */
  executionInputBytes: 256 * 1024,
  /** A submitted canvas. Lambda limits a request to 6 MB. */
  canvasBytes: 6 * 1024 * 1024,
  /** Starts of one batch. */
  batchStarts: 1_000,
  /** Levels of a submitted canvas and of any JSON argument. */
  jsonDepth: 200,
  /** Levels of groups in the tree of a job. */
  groupDepth: 32,
  /** Members of one group that are given at once. */
  groupMembers: 1_000_000,
  /** Nodes of one graph. Their rows are written before the first of them starts. */
  graphNodes: 1_000,
  /** Nodes that one node of a graph follows. Those that have not ended are stored in its row. */
  nodeParents: 128,
  /** Steps of one strand, repetitions included. */
  strandSteps: 9_999,
  /** Steps of a whole plan, links included: each step that calls a link has it beside it. */
  planSteps: 2_000_000,
  /** JSON of a whole plan. */
  planCharacters: 256 * 1024 * 1024,
  /** Runs that a plan may mean at most, with every loop run to its end. */
  plannedRuns: 1_000_000_000,
  /** Links, or error links, of one signature. */
  links: 100,
  /** Nodes of a canvas that get options or links of a node around them, each counted as often as it gets some. */
  givenNodes: 3_000_000,
  /** Distinct stamps of a canvas that its job is found by. */
  indexedStamps: 16,
  /** Stamps that are revoked in one job, and the characters of each with its value. */
  revokedStamps: 50,
  revokedStampCharacters: 400,
  /** Names of tasks, workflows, queues. */
  nameCharacters: 200,
  idempotencyKeyCharacters: 255,
  errorMessageCharacters: 2_000,
  errorStackCharacters: 8_000,
  /** Characters of the reason of an error, which is cut. */
  reasonCharacters: 128,
  /** Causes of an error that are kept, and the characters of the message of each. */
  errorCauses: 3,
  causeMessageCharacters: 200,
  /** JSON of the details of an error. Longer details are kept as text that is cut. */
  errorDetailsCharacters: 1_000,
  /**
   * JSON of the cursor of a streaming task, stored in the row of a page. Holds the longest path of a file system with
   * every byte escaped.
   */
  cursorCharacters: 32 * 1024,
  /** Distinct user counters of a group in one write. Further counters are added up as `u_other`. */
  userCounters: 20,
  /**
   * Events that a run waits for at once, and names of events that it waits for with a timeout. They are stored in its
   * row.
   */
  awaitedEvents: 50,
  /** Dependencies of one run. Those that it waits for are stored in its row. */
  dependencies: 50,
  /** Runs that wait for each other, and are walked before a wait is taken for a cycle. */
  walkedRuns: 10_000,
  /** Runs of one call of a bulk task, and the seconds that a run waits for others. */
  bulkItems: 1_000,
  bulkSeconds: 900,
  /** Locks of one run. */
  locks: 8,
  /** Places of one concurrency limit. */
  concurrencyLimit: 1_000,
  /** Starts in one window of a rate limit, and its seconds. One item counts them, so a store takes some 1,000 a second. */
  rateLimit: 1_000_000,
  ratePerSeconds: 86_400,
  logLines: 200,
  /** Characters of the whole log of a run, fields included. */
  logCharacters: 64 * 1024,
  logLineCharacters: 2_000,
  /** Children that one run may spawn at once. Streaming has no such limit. */
  spawnedChildren: 100_000,
  /** Times that one job is retried. Its headers keep a number for each. */
  rounds: 100,
  /** JSON of a schedule, which is written at each firing. */
  scheduleBytes: 32 * 1024,
  /** Longest interval of a schedule: ten years. */
  scheduleSeconds: 10 * 366 * 86_400,
  /** Values for each of which a schedule starts a job. */
  scheduleElements: 250,
  /** Items that a path task is given as a list when they are stored elsewhere. */
  listedPaths: 4_096,
  /** Reports of one page of a stream. */
  reportPageItems: 4_096,
  /** Ranges of items that a stream has reported behind one that it has not. They are stored in its item. */
  reportedAhead: 250,
  pageItems: 4_096,
  pageBytes: 4 * 1024 * 1024,
} as const;
