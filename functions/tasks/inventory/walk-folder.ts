import { Buffer } from "node:buffer";
import { lstat, readdir } from "node:fs/promises";
import { fsReason } from "./fs-reason.ts";

/** One entry of the walk. Paths are bytes, relative to the folder, and empty for the folder itself. */
export type Visit =
  /** A directory. Its entries follow, so a later walk cannot continue after this visit. */
  | { readonly kind: "directory"; readonly path: Buffer }
  /** The end of a directory, after all of its entries. */
  | { readonly kind: "left"; readonly path: Buffer }
  | { readonly kind: "file"; readonly path: Buffer; readonly bytes: number }
  | { readonly kind: "link" | "special"; readonly path: Buffer }
  | { readonly kind: "failure"; readonly path: Buffer; readonly reason: string };

/** One directory on the current path. */
interface Frame {
  readonly path: Buffer;
  /** Sorted names. Those from `next` on are still to be visited. */
  readonly names: readonly Buffer[];
  next: number;
  /** Visits of names[next], names[next + 1] .., read some at a time. */
  ahead: Visit[];
}
const LOOK_AHEAD = 32;
const SLASH = 0x2f;

/**
 * Walks a folder depth first. The entries of a directory come in the order of their bytes, and a directory comes before
 * its entries. The order depends on names only, so a later walk can continue: `after` skips everything up to that path
 * and below it.
 *
 * Links are not followed. An entry that cannot be read is a visit of kind `failure`. Throws only when the folder itself
 * cannot be read.
 */
export async function* walkFolder(
  folder: Buffer,
  after: Buffer | undefined,
  signal: AbortSignal,
): AsyncGenerator<Visit, void, undefined> {
  const frames: Frame[] = [];
  if (after === undefined) {
    yield { kind: "directory", path: EMPTY };
    frames.push(await openFrame(folder, EMPTY));
  } else yield* reopen(folder, after, frames);
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    signal.throwIfAborted();
    const visit = await nextVisit(folder, frame);
    if (visit === undefined) {
      frames.pop();
      if (frame.path.length > 0) yield { kind: "left", path: frame.path };
      continue;
    }
    yield visit;
    if (visit.kind !== "directory") continue;
    const opened = await tryFrame(folder, visit.path);
    if ("kind" in opened) yield opened;
    else frames.push(opened);
  }
}
const EMPTY = Buffer.alloc(0);

/**
 * Rebuilds the frames of the directories above `after`, which were visited before. Each frame continues after the name
 * that leads to `after`.
 */
async function* reopen(folder: Buffer, after: Buffer, frames: Frame[]): AsyncGenerator<Visit, void, undefined> {
  const frame = await openFrame(folder, EMPTY);
  frames.push(skipTo(frame, after));
  for (let slash = after.indexOf(SLASH); slash >= 0; slash = after.indexOf(SLASH, slash + 1)) {
    const path = after.subarray(0, slash);
    const found = await visitAt(folder, path);
    // The entry was a directory when it was visited. If it is none now, its remaining entries no longer exist.
    const opened = found.kind === "directory" ? await tryFrame(folder, path) : found;
    if ("kind" in opened) {
      yield opened.kind === "failure" ? opened : { kind: "failure", path, reason: "ENOTDIR" };
      return;
    }
    frames.push(skipTo(opened, after.subarray(slash + 1)));
  }
}
/** Skips the names of a frame up to the first component of `rest`. */
function skipTo(frame: Frame, rest: Buffer): Frame {
  const slash = rest.indexOf(SLASH);
  const name = slash < 0 ? rest : rest.subarray(0, slash);
  const next = frame.names.findIndex((each) => Buffer.compare(each, name) > 0);
  frame.next = next < 0 ? frame.names.length : next;
  return frame;
}

async function tryFrame(folder: Buffer, path: Buffer): Promise<Frame | (Visit & { kind: "failure" })> {
  try {
    return await openFrame(folder, path);
  } catch (error) {
    return { kind: "failure", path, reason: fsReason(error) };
  }
}
async function openFrame(folder: Buffer, path: Buffer): Promise<Frame> {
  const names = await readdir(pathIn(folder, path), { encoding: "buffer" });
  return { path, names: names.toSorted((a, b) => Buffer.compare(a, b)), next: 0, ahead: [] };
}

async function nextVisit(folder: Buffer, frame: Frame): Promise<Visit | undefined> {
  if (frame.ahead.length === 0) {
    const names = frame.names.slice(frame.next, frame.next + LOOK_AHEAD);
    frame.ahead = await Promise.all(
      names.map((name) => visitAt(folder, frame.path.length === 0 ? name : pathIn(frame.path, name))),
    );
  }
  frame.next++;
  return frame.ahead.shift();
}
async function visitAt(folder: Buffer, path: Buffer): Promise<Visit> {
  try {
    const found = await lstat(pathIn(folder, path));
    if (found.isFile()) return { kind: "file", path, bytes: found.size };
    return { kind: found.isDirectory() ? "directory" : found.isSymbolicLink() ? "link" : "special", path };
  } catch (error) {
    return { kind: "failure", path, reason: fsReason(error) };
  }
}

/** Joins two paths of bytes, like `path.join`. */
export function pathIn(folder: Buffer, path: Buffer): Buffer {
  if (path.length === 0) return folder;
  return folder.at(-1) === SLASH ? Buffer.concat([folder, path]) : Buffer.concat([folder, SEPARATOR, path]);
}
const SEPARATOR = Buffer.from([SLASH]);
