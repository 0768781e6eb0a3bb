import type { HeldRuns } from "../../functions/engine/worker-loop.ts";

/** Makes the runs of one token. Without members the token is the index of the only one. */
export function heldRuns(
  token: string,
  { deadline = Date.now() + 60_000, members = [Number(token)] }: Partial<HeldRuns> = {},
): HeldRuns {
  return { token, task: "t", queue: "q", gid: "job", stepIndex: 0, members, attempts: members.map(() => 1), deadline };
}
