/** Ids of runs say where a run stands: `<group>.<member>~<step>`, and the group of run r is `<r>.g`. */
const RUN = /^(.+)\.(\d+)(?:~(\d+))?$/;
const OWNED = /\.[gle]\d*$/;

export interface RunIdParts {
  readonly jobId: string;
  /** The runs that opened the groups around, outermost first. */
  readonly above: readonly string[];
  /** The next step of the strand, if there is one. */
  readonly next: string;
}
export function runIdParts(runId: string): RunIdParts {
  const above: string[] = [];
  for (let owner = ownerOf(runId); owner !== undefined; owner = ownerOf(owner)) above.unshift(owner);
  const [, group = runId, member = "0", step = "0"] = RUN.exec(runId) ?? [];
  return { jobId: runId.split(".", 1)[0] ?? runId, above, next: `${group}.${member}~${Number(step) + 1}` };
}
function ownerOf(runId: string): string | undefined {
  const group = RUN.exec(runId)?.[1];
  return group !== undefined && OWNED.test(group) ? group.slice(0, group.lastIndexOf(".")) : undefined;
}
/** Returns the step before, in the strand of the run. */
export function startsBefore(runId: string): string | undefined {
  const [, group, member, step = "0"] = RUN.exec(runId) ?? [];
  const before = Number(step) - 1;
  return group === undefined || before < 0 ? undefined : `${group}.${member}${before === 0 ? "" : `~${before}`}`;
}
