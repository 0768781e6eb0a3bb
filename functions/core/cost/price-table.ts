/**
 * List prices in US dollars, without free tiers, and the quotas that bound a deployment, with their date. They were
 * looked up, not read off a bill. Everything that names a price or a quota reads it here.
 * test/figures/figures.test.ts checks the guides against them.
 */
export const PRICES = {
  date: "2026-11",
  region: "us-east-1",
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ : on demand, standard class. */
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  /** Price per GB and month, with point-in-time recovery. */
  storageGbMonth: 0.25 + 0.2,
  /** https://aws.amazon.com/sqs/pricing/ : standard queues, with the surcharge for message groups. A request carries up to ten messages and 64 KB. */
  queueRequest: 0.4e-6 + 0.1e-6,
  /** https://aws.amazon.com/lambda/pricing/ : arm64. */
  gigabyteSecond: 0.0000133334,
  invocation: 0.2e-6,
  /** https://aws.amazon.com/cloudwatch/pricing/ : each per month, metrics by the hour in which they are published. */
  alarmMonth: 0.1,
  dashboardMonth: 3,
  metricMonth: 0.3,
  /** https://aws.amazon.com/s3/pricing/ : standard class. */
  blobWrite: 5e-6,
  blobRead: 0.4e-6,
} as const;

/** Quotas of AWS that bound the speed of a deployment. */
export const QUOTAS = {
  /** Units per second of ONE partition, hence of one item: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html */
  partition: { writes: 1_000, reads: 3_000 },
  /** Units per second of one table on demand: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html */
  table: { writes: 40_000, reads: 40_000 },
  /** A new table, and how it grows: up to twice the last peak within 30 minutes. https://repost.aws/knowledge-center/on-demand-table-throttling-dynamodb */
  newTable: { writes: 4_000, reads: 12_000, doublesEverySeconds: 1_800 },
  /** Concurrent invocations of an event source on a standard queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
  eventSource: { start: 5, perSecond: 300 / 60, most: 1_250 },
  /** New environments of one function: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html */
  functionScaling: { perSecond: 1_000 / 10 },
  /** Messages of one queue that were received and not yet deleted: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
  queue: { inFlight: 120_000, batch: 10 },
} as const;
