/** What the ports have used since the process began. The price of the work is computed from these counts. */
export interface Usage {
  /** Calls to AWS, retries included. */
  requests: number;
  /** Calls that repeated an earlier call. */
  retries: number;
  /** Units of DynamoDB, as it reports them. Units of refused writes are computed. */
  writeUnits: number;
  readUnits: number;
  /** Messages that a queue has accepted. A request carries up to ten. */
  sends: number;
  sendRequests: number;
  blobReads: number;
  blobWrites: number;
}

export function noUsage(): Usage {
  return {
    requests: 0,
    retries: 0,
    writeUnits: 0,
    readUnits: 0,
    sends: 0,
    sendRequests: 0,
    blobReads: 0,
    blobWrites: 0,
  };
}
