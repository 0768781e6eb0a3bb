import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSlot, encodeSlot, savedFileOf, SLOT_BYTES } from "../../../functions/embedded/lmdb/flushed-state.ts";
import { DATABASE_FILE } from "../../../functions/embedded/lmdb/lmdb-environment.ts";

const PAGE_BYTES = 4_096;

export interface PowerCut {
  /** Folder as the processes saw it, in the memory of the system. */
  readonly seen: string;
  /** Folder with the flushed content, see fixtures/disk.ts. */
  readonly disk: string;
  /** Folder that is made and gets the content of the disk after the cut. */
  readonly left: string;
  /** Called for each page written since it was last flushed. */
  readonly fate: () => "flushed" | "written" | "torn";
}

/**
 * Writes the database's files as a power cut may leave them. A page that was not flushed is old, new or garbage. The
 * next start is in another boot.
 */
export function cutPower({ seen, disk, left, fate }: PowerCut): void {
  mkdirSync(left, { recursive: true });
  const saved = savedFileOf(DATABASE_FILE);
  for (const name of [DATABASE_FILE, saved])
    writeFileSync(join(left, name), leave(readOrEmpty(join(disk, name)), readOrEmpty(join(seen, name)), fate));
  const slots = readFileSync(join(left, saved));
  for (let at = 0; at < slots.length; at += SLOT_BYTES) {
    const slot = decodeSlot(slots.subarray(at, at + SLOT_BYTES));
    if (slot !== undefined) encodeSlot({ ...slot, boot: "another" }).copy(slots, at);
  }
  writeFileSync(join(left, saved), slots);
}
function leave(flushed: Buffer, written: Buffer, fate: PowerCut["fate"]): Buffer {
  const bytes = Buffer.alloc(Math.max(flushed.length, written.length));
  flushed.copy(bytes);
  let end = flushed.length;
  for (let at = 0; at < written.length; at += PAGE_BYTES) {
    const page = written.subarray(at, at + PAGE_BYTES);
    if (at < flushed.length && page.equals(flushed.subarray(at, at + PAGE_BYTES))) continue;
    const its = fate();
    if (its === "flushed") continue;
    if (its === "written") page.copy(bytes, at);
    else bytes.fill(Math.floor(at / PAGE_BYTES) | 1, at, at + page.length);
    end = Math.max(end, at + page.length);
  }
  return bytes.subarray(0, end);
}
const readOrEmpty = (path: string): Buffer => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0));
