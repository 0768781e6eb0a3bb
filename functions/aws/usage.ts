/** What the ports have used since the process began: the price of the work is counted, not guessed. */
export interface Usage {
  /** Calls of AWS, repeated ones included. */
  requests: number;
  /** Calls that were sent again. */
  retries: number;
  /** Of DynamoDB, as it says itself. */
  writeUnits: number;
  readUnits: number;
  /** Messages that a queue has accepted. A request carries up to ten. */
  sends: number;
  sendRequests: number;
  blobReads: number;
  blobWrites: number;
}

export function noUsage(): Usage {
  return { requests: 0, retries: 0, writeUnits: 0, readUnits: 0, sends: 0, sendRequests: 0, blobReads: 0, blobWrites: 0 };
}
