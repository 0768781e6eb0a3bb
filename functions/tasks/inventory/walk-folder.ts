import { Buffer } from "node:buffer";
import { lstat, readdir } from "node:fs/promises";
import { fsReason } from "./fs-reason.ts";

/** What the walk meets. Paths are bytes, relative to the folder; empty for the folder itself. */
export type Visit =
  /** Its entries follow: the only visit after which a later walk cannot go on. */
  | { readonly kind: "directory"; readonly path: Buffer }
  /** All of its entries were met. */
  | { readonly kind: "left"; readonly path: Buffer }
  | { readonly kind: "file"; readonly path: Buffer; readonly bytes: number }
  | { readonly kind: "link" | "special"; readonly path: Buffer }
  | { readonly kind: "failure"; readonly path: Buffer; readonly reason: string };

/** One directory on the way down from the folder. */
interface Frame {
  readonly path: Buffer;
  /** Sorted; those behind `next` are still to be met. */
  readonly names: readonly Buffer[];
  next: number;
  /** The visits of names[next], names[next + 1], ...: looked up some at a time. */
  ahead: Visit[];
}
const LOOK_AHEAD = 32;
const SLASH = 0x2f;

/**
 * Walks a folder depth first, the entries of a directory in the order of their bytes, directories before what is in them. The order depends on names
 * only, so a later walk can go on: with `after`, everything up to that path, and all below it, is passed over. Links are not followed. What cannot be
 * looked at is a visit like any other; only the folder itself must be readable, else this throws.
 */
export async function* walkFolder(folder: Buffer, after: Buffer | undefined, signal: AbortSignal): AsyncGenerator<Visit, void, undefined> {
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

/** The frames of the directories above `after`, which were met before, each behind the name that leads on. */
async function* reopen(folder: Buffer, after: Buffer, frames: Frame[]): AsyncGenerator<Visit, void, undefined> {
  const frame = await openFrame(folder, EMPTY);
  frames.push(passOver(frame, after));
  for (let slash = after.indexOf(SLASH); slash >= 0; slash = after.indexOf(SLASH, slash + 1)) {
    const path = after.subarray(0, slash);
    const found = await look(folder, path);
    // It was a directory when it was met: whatever it has become, the rest of its entries is gone.
    const opened = found.kind === "directory" ? await tryFrame(folder, path) : found;
    if ("kind" in opened) {
      yield opened.kind === "failure" ? opened : { kind: "failure", path, reason: "ENOTDIR" };
      return;
    }
    frames.push(passOver(opened, after.subarray(slash + 1)));
  }
}
/** Goes behind the first component of `rest`. */
function passOver(frame: Frame, rest: Buffer): Frame {
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
    frame.ahead = await Promise.all(names.map((name) => look(folder, frame.path.length === 0 ? name : pathIn(frame.path, name))));
  }
  frame.next++;
  return frame.ahead.shift();
}
async function look(folder: Buffer, path: Buffer): Promise<Visit> {
  try {
    const found = await lstat(pathIn(folder, path));
    if (found.isFile()) return { kind: "file", path, bytes: found.size };
    return { kind: found.isDirectory() ? "directory" : found.isSymbolicLink() ? "link" : "special", path };
  } catch (error) {
    return { kind: "failure", path, reason: fsReason(error) };
  }
}

/** `path.join` for bytes. */
export function pathIn(folder: Buffer, path: Buffer): Buffer {
  if (path.length === 0) return folder;
  return folder.at(-1) === SLASH ? Buffer.concat([folder, path]) : Buffer.concat([folder, SEPARATOR, path]);
}
const SEPARATOR = Buffer.from([SLASH]);
