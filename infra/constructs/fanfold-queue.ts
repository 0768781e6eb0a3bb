import { Duration } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { EventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { MAX_RECEIVES } from "../../functions/core/names/queue-name.ts";
import type { QueueSettings } from "../../functions/sdk/config.ts";
import { acknowledge } from "../acknowledge.ts";

/**
 * Visibility timeout of a queue, as a multiple of its function's timeout: Lambda may try a batch this often before the
 * queue returns the messages.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const VISIBILITY_PER_TIMEOUT = 6;
const DEFAULT_MAX_CONCURRENCY = 50;
const SOURCE_RETENTION_DAYS = 4;
const DEAD_LETTER_RETENTION_DAYS = 14;

export interface FanfoldQueueProps {
  readonly queueName: string;
  /** Timeout of the function that reads the queue. */
  readonly timeoutSeconds: number;
  readonly windowSeconds?: number;
  /** Absent for a dead-letter queue. */
  readonly deadLetters?: FanfoldQueue;
}

/** A standard queue, encrypted and with TLS only. Its visibility timeout fits the function that reads it. */
export class FanfoldQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: FanfoldQueueProps) {
    super(scope, id);
    const { deadLetters } = props;
    this.queue = new Queue(this, "Queue", {
      queueName: props.queueName,
      encryption: QueueEncryption.SQS_MANAGED,
      visibilityTimeout: Duration.seconds(props.timeoutSeconds * VISIBILITY_PER_TIMEOUT + (props.windowSeconds ?? 0)),
      retentionPeriod: Duration.days(deadLetters ? SOURCE_RETENTION_DAYS : DEAD_LETTER_RETENTION_DAYS),
      ...(deadLetters && { deadLetterQueue: { queue: deadLetters.queue, maxReceiveCount: MAX_RECEIVES } }),
    });
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: "TlsOnly",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [
          "sqs:ChangeMessageVisibility",
          "sqs:DeleteMessage",
          "sqs:PurgeQueue",
          "sqs:ReceiveMessage",
          "sqs:SendMessage",
        ],
        resources: [this.queue.queueArn],
        conditions: { Bool: { "aws:SecureTransport": "false" } },
      }),
    );
    acknowledge(this.queue, {
      "AwsSolutions-SQS4":
        "The queue's policy refuses every action on messages without TLS. It names the actions, because no statement here has an action with a wildcard.",
      ...(deadLetters === undefined && { "AwsSolutions-SQS3": "This is the dead-letter queue." }),
    });
  }

  /**
   * Feeds a function. Messages of a batch that failed come back alone. The feed has a bound on invocations, or pollers
   * of its own.
   */
  feed(
    target: IFunction,
    {
      batchSize,
      windowSeconds,
      maxConcurrency,
      pollers,
    }: Pick<QueueSettings, "batchSize" | "windowSeconds" | "maxConcurrency" | "pollers">,
  ): EventSourceMapping {
    return new EventSourceMapping(this, "Feed", {
      target,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      ...(windowSeconds > 0 && { maxBatchingWindow: Duration.seconds(windowSeconds) }),
      reportBatchItemFailures: true,
      ...(pollers
        ? { provisionedPollerConfig: { minimumPollers: pollers.minimum, maximumPollers: pollers.maximum } }
        : { maxConcurrency: maxConcurrency ?? DEFAULT_MAX_CONCURRENCY }),
    });
  }
}
