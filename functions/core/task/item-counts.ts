/** Items of path tasks by the state in which the last step left them. */
export interface ItemCounts {
  readonly processed: number;
  readonly skipped: number;
  readonly failures: number;
  readonly aborted: number;
  readonly inprogress: number;
}
