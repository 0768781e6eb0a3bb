/** The contract between the client and the workers of the BullMQ benchmark. */
export interface Connection {
  readonly host: string;
  readonly port: number;
}
export interface WorkerAssignment {
  readonly connection: Connection;
  readonly concurrency: number;
  /** File that gets a line each time a parent runs. */
  readonly file: string;
}
export interface Summed {
  readonly count: number;
  readonly total: number;
}
export const CHILDREN = "children";
export const PARENTS = "parents";
