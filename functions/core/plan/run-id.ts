/**
 * Ids are positional, so the groups above a run can be read off its id without a lookup.
 * - Member i of group g at step k is run `<g>.<i>` (k = 0) or `<g>.<i>~<k>`.
 * - The child group of run r is `<r>.g`. There is at most one. A run that began anew in round n opens `<r>.g<n>`.
 * - The callbacks of run r are the groups `<r>.l` (links) and `<r>.e` (error links); in a later round n `<r>.l<n>`.
 * - The root group of a job has the id of the job.
 * - An identity is a root of its own, without a job: `~<hash>`. Its run is `~<hash>.0` (docs/adr/0019).
 */
export interface RunRef {
  readonly gid: string;
  readonly index: number;
  readonly stepIndex: number;
}

/** Returns the id of a run. */
export function runIdOf(gid: string, index: number, step: number): string {
  return step === 0 ? `${gid}.${index}` : `${gid}.${index}~${step}`;
}
/** Returns the id of the child group of a run. `since` is the round in which the run began anew. */
export function childGroupOf(runId: string, since = 0): string {
  return `${runId}.g${since || ""}`;
}
const RUN_ID = /^([0-9A-Za-z_.~-]+)\.(\d{1,9})(?:~(\d{1,5}))?$/;
/** More than the deepest run has. Longer texts fit into no key of a store. */
const MOST_CHARACTERS = 900;
/** Returns the parts of the id of a run. Returns undefined for any other text. */
export function parseRunId(runId: string): RunRef | undefined {
  const match = runId.length <= MOST_CHARACTERS ? RUN_ID.exec(runId) : null;
  return match ? { gid: match[1] as string, index: Number(match[2]), stepIndex: Number(match[3] ?? 0) } : undefined;
}
/**
 * Returns the run that waits for this group, or whose callbacks are in it. Returns undefined for the root group of a
 * job.
 */
export function ownerOf(gid: string): string | undefined {
  return OWNED.test(gid) ? gid.slice(0, gid.lastIndexOf(".")) : undefined;
}
const OWNED = /\.[gle]\d*$/;
export type LinkKind = "links" | "errors";
/** Returns the id of the group of a run's callbacks. `round` is the round in which the run ended. */
export function linkGroupOf(runId: string, kind: LinkKind, round = 0): string {
  return `${runId}.${kind === "links" ? "l" : "e"}${round || ""}`;
}
/** Returns whether a run or group is among the links or error links of a run, or below them. */
export const isAmongLinks = (id: string): boolean => /\.[le]\d*(?:\.|$)/.test(id);
/** Returns the group above: that of the run which owns this group. Returns undefined for a root group. */
export function scopeOf(gid: string): string | undefined {
  const owner = ownerOf(gid);
  return owner === undefined ? undefined : parseRunId(owner)?.gid;
}
/** Returns the group and all groups above it, innermost first. */
export function scopesOf(gid: string): string[] {
  const scopes: string[] = [];
  for (let scope: string | undefined = gid; scope !== undefined; scope = scopeOf(scope)) scopes.push(scope);
  return scopes;
}
/** Returns the job that a run or group belongs to. */
export function jobIdOf(id: string): string {
  const dot = id.indexOf(".");
  return dot < 0 ? id : id.slice(0, dot);
}
/** Whether a group, or a run, is an identity or lies below one. Then it belongs to no job. */
export const isShared = (id: string): boolean => id.startsWith("~");
/** Whether a group is an identity. Its one run is shared by jobs. */
export const isIdentity = (gid: string): boolean => isShared(gid) && !gid.includes(".");
/** Returns the number of groups above a group. */
export function depthOf(gid: string): number {
  return scopesOf(gid).length - 1;
}
