import type { Header } from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { Complaints } from "./reference.ts";
import { type Part, partOf } from "./ledger-part.ts";
import type { Shape } from "./shape.ts";

/**
 * Watches leaves of ledgers. A member is marked once in a round. By then it has ended, or a part that the same write
 * named holds its value.
 */
export class LedgerWatch {
  readonly #shape: Shape;
  readonly #complaints: Complaints;

  constructor(shape: Shape, complaints: Complaints) {
    this.#shape = shape;
    this.#complaints = complaints;
  }

  write(before: Item | undefined, after: Item): void {
    const { gid, round, level } = nodeOf(after);
    // A late worker may still mark in an earlier round, which no reader uses any more. A later round has not begun.
    if (level === 1 && round === this.#shape.roundOf(gid)) this.#check(before, after);
  }
  /** Checks what was written of a round before the header that begins it. */
  opened({ gid, round, memberCount, height }: Header): void {
    const { width } = this.#shape;
    for (let leaf = 0; leaf * width < (memberCount ?? width ** height); leaf++) {
      const node = this.#shape.leaf(gid, round, leaf);
      if (node) this.#check(undefined, node);
    }
  }
  #check(before: Item | undefined, after: Item): void {
    const { gid, round, node: leaf } = nodeOf(after);
    const marked = setOf<number>(before, "done");
    const done = setOf<number>(after, "done");
    const where = `${gid} round ${round} leaf ${leaf}`;
    const vouched = this.#vouched(
      where,
      marked,
      setOf<string>(before, "parts"),
      setOf<string>(after, "parts"),
      gid,
      leaf,
    );
    for (const local of marked) if (!done.has(local)) this.#complaints.bad("mark-lost", `${where}: ${local}`);
    for (const local of vouched.keys())
      if (!done.has(local)) this.#complaints.bad("vouched-unmarked", `${where}: ${local}`);
    for (const local of done)
      if (!marked.has(local)) this.#newlyMarked(gid, round, leaf * this.#shape.width + local, vouched.has(local));
  }

  /** Returns the members that new parts vouch for. */
  #vouched(
    where: string,
    marked: ReadonlySet<number>,
    named: ReadonlySet<string>,
    entries: ReadonlySet<string>,
    gid: string,
    leaf: number,
  ): ReadonlyMap<number, Part> {
    const vouched = new Map<number, Part>();
    for (const entry of entries) {
      if (named.has(entry)) continue;
      const part = partOf(entry, gid, leaf);
      if (part.blob !== undefined && !this.#shape.partValues(part.blob))
        this.#complaints.bad("part-lost", `${where}: ${entry}`);
      for (const local of part.locals) {
        if (marked.has(local) || vouched.has(local)) this.#complaints.bad("vouched-again", `${where}: ${entry}`);
        vouched.set(local, part);
      }
    }
    return vouched;
  }
  #newlyMarked(gid: string, round: number, index: number, vouched: boolean): void {
    if (vouched) {
      if (this.#shape.trackingOf(gid) !== "ledger" || !this.#shape.mayRunThin(gid, index))
        this.#complaints.bad("member-without-row", `${gid} member ${index}`);
    } else if (!this.#shape.hasEnded(this.#shape.lastRow(gid, index), round))
      this.#complaints.bad("marked-without-end", `${gid} member ${index}`);
  }
}

function nodeOf({ key }: Item): {
  readonly gid: string;
  readonly round: number;
  readonly level: number;
  readonly node: number;
} {
  const [, gid = "", round, level, node] = key.partition.split("#");
  return { gid, round: Number(round), level: Number(level), node: Number(node) };
}
function setOf<T>(item: Item | undefined, name: string): ReadonlySet<T> {
  return (item?.attributes[name] ?? new Set()) as ReadonlySet<T>;
}
