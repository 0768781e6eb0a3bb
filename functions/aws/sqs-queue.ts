import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { FanfoldError } from "../core/errors.ts";
import { bandResourceName } from "../core/names/aws-resource-names.ts";
import { type Band, MIDDLE_BAND } from "../core/plan/priority-band.ts";
import { type OutgoingMessage, PortError, type Queue, type QueueDepth } from "../engine/ports.ts";
import { eachBounded } from "./each-bounded.ts";
import { retrying, retryingEntries, type Unaccepted } from "./retry-calls.ts";
import type { Usage } from "./usage.ts";

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const BATCH_ENTRIES = 10;
const MAX_DELAY_SECONDS = 900;
/**
 * AWS accepts 1 MiB; emulators and older endpoints accept 256 KiB. Messages are far smaller, so a larger limit would
 * gain nothing.
 */
const BATCH_BYTES = 256 * 1_024;
const DEPTH_ATTRIBUTES: QueueAttributeName[] = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
];
/**
 * Time in which SQS's counts mostly tell what was sent. They are approximate in any case, and may lag by a minute while
 * much is sent.
 */
const DEPTH_LAG_SECONDS = 5;
/** The number of batches of one call that are sent at the same time. */
const BATCHES_AT_ONCE = 16;
/**
 * Error codes of an expired receipt. The receipt belongs to another queue, or its message was deleted or is visible
 * again. Not every SQS reports these as the sender's fault.
 */
const RECEIPT_IS_OVER: ReadonlySet<string | undefined> = new Set([
  "ReceiptHandleIsInvalid",
  "InvalidParameterValue",
  "InvalidParameterValueException",
  "MessageNotInflight",
]);

export interface SqsQueueOptions {
  readonly urlBase: string;
  readonly prefix: string;
  readonly usage: Usage;
  readonly banded?: readonly string[];
}
const BANDS: readonly Band[] = [0, 1, 2];

/**
 * Sends messages to standard SQS queues. The job is the message group ("fair queues"), so a big job does not delay a
 * small one. The body of a message is its JSON. The receiving queue and the group stand for the other fields.
 */
export class SqsQueue implements Queue {
  readonly maxDelaySeconds = MAX_DELAY_SECONDS;
  readonly depthLagSeconds = DEPTH_LAG_SECONDS;
  readonly #client: SQSClient;
  readonly #urlBase: string;
  readonly #prefix: string;
  readonly #usage: Usage;
  readonly #urls = new Map<string, string>();
  readonly #banded: ReadonlySet<string>;

  /**
   * `banded` names the queues that have a queue of their own for each priority band. `urlBase` is the common prefix of all queue URLs, for example
   * `https://sqs.eu-central-1.amazonaws.com/123456789012`.
   */
  constructor(client: SQSClient, { urlBase, prefix, usage, banded = [] }: SqsQueueOptions) {
    this.#client = client;
    this.#urlBase = urlBase.replace(/\/$/, "");
    this.#prefix = prefix;
    this.#usage = usage;
    this.#banded = new Set(banded);
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    const byUrl = new Map<string, SendMessageBatchRequestEntry[]>();
    for (const message of messages) {
      const url = this.#urlOf(message.queue, this.#banded.has(message.queue) ? message.band : undefined);
      const entries = byUrl.get(url) ?? [];
      entries.push(entryOf(message, entries.length));
      byUrl.set(url, entries);
    }
    const batches = [...byUrl].flatMap(([url, entries]) => batchesOf(entries).map((batch) => ({ url, batch })));
    await eachBounded(batches, BATCHES_AT_ONCE, ({ url, batch }) =>
      retryingEntries(`sending to ${url}`, batch, (left) => this.#sendBatch(url, left)),
    );
  }

  /**
   * Sets how long received messages stay invisible from now on. An expired receipt is no failure, because its message
   * is visible again or was deleted.
   */
  async change(
    queueArn: string,
    changes: readonly { readonly receiptHandle: string; readonly seconds: number }[],
  ): Promise<void> {
    const url = `${this.#urlBase}/${queueArn.slice(queueArn.lastIndexOf(":") + 1)}`;
    const entries = changes.map(({ receiptHandle, seconds }, k) => ({
      Id: String(k),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }));
    const batches = Array.from({ length: Math.ceil(entries.length / BATCH_ENTRIES) }, (_, k) =>
      entries.slice(k * BATCH_ENTRIES, (k + 1) * BATCH_ENTRIES),
    );
    const what = `changing the visibility of messages of ${url}`;
    await eachBounded(batches, BATCHES_AT_ONCE, (batch) =>
      retryingEntries(what, batch, async (left) => {
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries: [...left] });
        const output = await retrying({
          usage: this.#usage,
          what,
          kind: "write",
          send: () => this.#client.send(command),
        });
        return unaccepted(
          left,
          output.Failed?.filter(({ SenderFault, Code }) => SenderFault !== true && !RECEIPT_IS_OVER.has(Code)),
        );
      }),
    );
  }

  /**
   * Returns SQS's own approximate counts, which lag by up to a minute. Those of bands are added up. Returns undefined
   * when SQS does not answer.
   */
  async depth(queue: string): Promise<QueueDepth | undefined> {
    const depths = await Promise.all(
      (this.#banded.has(queue) ? BANDS : [MIDDLE_BAND]).map((band) => this.#depthOf(this.#urlOf(queue, band))),
    );
    return depths.reduce(
      (sum, each) =>
        sum &&
        each && {
          ready: sum.ready + each.ready,
          delayed: sum.delayed + each.delayed,
          inFlight: sum.inFlight + each.inFlight,
        },
    );
  }
  async #depthOf(url: string): Promise<QueueDepth | undefined> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: DEPTH_ATTRIBUTES });
    try {
      const { Attributes = {} } = await retrying({
        usage: this.#usage,
        what: `reading the depth of ${url}`,
        kind: "read",
        send: () => this.#client.send(command),
      });
      const [ready, delayed, inFlight] = DEPTH_ATTRIBUTES.map((name) => Number(Attributes[name] ?? Number.NaN)) as [
        number,
        number,
        number,
      ];
      return Number.isNaN(ready + delayed + inFlight) ? undefined : { ready, delayed, inFlight };
    } catch (error) {
      if (error instanceof PortError) return undefined;
      throw error;
    }
  }

  async #sendBatch(
    url: string,
    entries: readonly SendMessageBatchRequestEntry[],
  ): Promise<Unaccepted<SendMessageBatchRequestEntry>> {
    const command = new SendMessageBatchCommand({ QueueUrl: url, Entries: [...entries] });
    const output = await retrying({
      usage: this.#usage,
      what: `sending to ${url}`,
      kind: "write",
      send: () => {
        this.#usage.sendRequests++;
        return this.#client.send(command);
      },
    });
    const wrong = output.Failed?.find(({ SenderFault }) => SenderFault === true);
    if (wrong !== undefined)
      throw new FanfoldError("internal", `a message to ${url} was refused: ${wrong.Code ?? ""} ${wrong.Message ?? ""}`);
    const left = unaccepted(entries, output.Failed);
    this.#usage.sends += entries.length - left.entries.length;
    return left;
  }

  #urlOf(queue: string, band: Band = MIDDLE_BAND): string {
    const key = `${band}${queue}`;
    let url = this.#urls.get(key);
    if (url === undefined)
      this.#urls.set(key, (url = `${this.#urlBase}/${bandResourceName(this.#prefix, queue, band)}`));
    return url;
  }
}

function entryOf({ jobId, body, delaySeconds = 0 }: OutgoingMessage, index: number): SendMessageBatchRequestEntry {
  if (delaySeconds > MAX_DELAY_SECONDS)
    throw new PortError("outage", `a message cannot be delayed by ${delaySeconds} s, only by ${MAX_DELAY_SECONDS}`);
  return {
    Id: String(index),
    MessageBody: JSON.stringify(body),
    MessageGroupId: jobId,
    ...(delaySeconds > 0 && { DelaySeconds: Math.ceil(delaySeconds) }),
  };
}

/** Splits entries, in order, into as few batches as the limits allow. */
function batchesOf(entries: readonly SendMessageBatchRequestEntry[]): SendMessageBatchRequestEntry[][] {
  const batches: SendMessageBatchRequestEntry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const bytes = Buffer.byteLength(entry.MessageBody as string);
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === BATCH_ENTRIES || bytes > room) {
      batches.push([entry]);
      room = BATCH_BYTES - bytes;
    } else {
      batch.push(entry);
      room -= bytes;
    }
  }
  return batches;
}

function unaccepted<T extends { readonly Id?: string | undefined }>(
  entries: readonly T[],
  failed: readonly BatchResultErrorEntry[] = [],
): Unaccepted<T> {
  const ids = new Set(failed.map(({ Id }) => Id));
  return {
    entries: entries.filter(({ Id }) => ids.has(Id)),
    reason: `${failed[0]?.Code ?? ""} ${failed[0]?.Message ?? ""}`,
  };
}
