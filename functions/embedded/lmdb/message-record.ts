import type { Json } from "../../core/json.ts";
import { type Band, MIDDLE_BAND } from "../../core/plan/priority-band.ts";

/**
 * Encodes messages. The head has fixed offsets, so a move of a message rewrites a few bytes and never its body.
 *
 * Layout, with bytes: version (1), place and band (1), receives (4), position (8), length of queue (2), length of jobId
 * (2), queue, jobId, body as JSON. The band is in the upper four bits, 0 for the middle one, as in all messages of
 * releases without bands.
 */
const VERSION = 1;
const PLACE_AT = 1;
const RECEIVES_AT = 2;
const POSITION_AT = 6;
const QUEUE_LENGTH_AT = 14;
const JOB_LENGTH_AT = 16;
const HEAD_BYTES = 18;

/** Place of a message. Delayed messages and those in flight are invisible until a time. */
export const PLACE = { ready: 1, delayed: 2, inFlight: 3 } as const;
export type Place = (typeof PLACE)[keyof typeof PLACE];

const BAND_OF_BITS: readonly Band[] = [MIDDLE_BAND, 0, 2];
const PLACE_BITS = 0x0f;
const BAND_SHIFT = 4;

export interface MessageHead {
  readonly place: Place;
  readonly band: Band;
  readonly receives: number;
  /**
   * Start tag of a ready message (message-lines.ts), else the milliseconds since the epoch at which it becomes visible.
   */
  readonly position: number;
  readonly queue: string;
  readonly jobId: string;
}

export function encodeMessage(head: MessageHead, body: Json): Buffer {
  const text = JSON.stringify(body);
  const queueBytes = Buffer.byteLength(head.queue);
  const jobBytes = Buffer.byteLength(head.jobId);
  const record = Buffer.allocUnsafe(HEAD_BYTES + queueBytes + jobBytes + Buffer.byteLength(text));
  record[0] = VERSION;
  record.writeUInt16LE(queueBytes, QUEUE_LENGTH_AT);
  record.writeUInt16LE(jobBytes, JOB_LENGTH_AT);
  moveMessage(record, head);
  record.write(head.queue, HEAD_BYTES);
  record.write(head.jobId, HEAD_BYTES + queueBytes);
  record.write(text, HEAD_BYTES + queueBytes + jobBytes);
  return record;
}

/** Changes the head of a record in place. */
export function moveMessage(
  record: Buffer,
  { place, band, receives, position }: Pick<MessageHead, "place" | "band" | "receives" | "position">,
): void {
  record[PLACE_AT] = place | (BAND_OF_BITS.indexOf(band) << BAND_SHIFT);
  record.writeUInt32LE(receives, RECEIVES_AT);
  record.writeDoubleLE(position, POSITION_AT);
}

export function decodeHead(record: Buffer): MessageHead {
  if (record[0] !== VERSION)
    throw new Error(`a message has format ${record[0]}; this version of Fanfold reads ${VERSION}`);
  const queueEnd = HEAD_BYTES + record.readUInt16LE(QUEUE_LENGTH_AT);
  const jobEnd = queueEnd + record.readUInt16LE(JOB_LENGTH_AT);
  return {
    place: ((record[PLACE_AT] ?? 0) & PLACE_BITS) as Place,
    band: BAND_OF_BITS[(record[PLACE_AT] ?? 0) >> BAND_SHIFT] ?? MIDDLE_BAND,
    receives: record.readUInt32LE(RECEIVES_AT),
    position: record.readDoubleLE(POSITION_AT),
    queue: record.toString("utf8", HEAD_BYTES, queueEnd),
    jobId: record.toString("utf8", queueEnd, jobEnd),
  };
}

export function decodeBody(record: Buffer): Json {
  const start = HEAD_BYTES + record.readUInt16LE(QUEUE_LENGTH_AT) + record.readUInt16LE(JOB_LENGTH_AT);
  return JSON.parse(record.toString("utf8", start)) as Json;
}
