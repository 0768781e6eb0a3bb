import type { ItemReport } from "../../core/task/invocation.ts";
import type { PathIterable } from "../input/path-iterable.ts";
import { isList, type PathSource } from "../input/path-source.ts";
import type { PathObject } from "./path-payload.ts";

/** Where items of a path are among those that a task was given. */
export interface GivenItem {
  readonly item: PathObject;
  /** Several when a path was given several times: one report is of all of them. */
  readonly positions: readonly number[];
}
/**
 * Finds the items that a task may report. All items of a list, and of others those that `expandPaths` has yielded. These
 * are forgotten once they were reported, because there may be millions.
 */
export class GivenItems {
  readonly #list: readonly PathObject[] | undefined;
  readonly #byPath = new Map<string, { readonly item: PathObject; readonly positions: number[] }>();
  readonly #known: number | undefined;
  #seen = 0;

  constructor(source: PathSource | PathIterable) {
    this.#list = isList(source as PathSource) ? (source as readonly PathObject[]) : undefined;
    this.#known = this.#list?.length ?? ("total" in source ? source.total : undefined);
    for (const [position, item] of (this.#list ?? []).entries()) this.#add(position, item);
  }
  /** Number of items that were given. Of an iterable: that were yielded so far. */
  get total(): number {
    return this.#known ?? this.#seen;
  }
  find(path: string): GivenItem | undefined {
    return this.#byPath.get(path);
  }
  /** Says that an item was yielded. */
  note(position: number, item: PathObject): void {
    this.#seen = Math.max(this.#seen, position + 1);
    if (!this.#list) this.#add(position, item);
  }
  /** Says that items were reported. */
  forget(reports: readonly ItemReport[]): void {
    if (this.#list) return;
    for (const { item, position } of reports) {
      const path = item["path"] as string;
      const left = this.#byPath.get(path)?.positions.filter((each) => each !== position) ?? [];
      if (left.length === 0) this.#byPath.delete(path);
      else this.#byPath.set(path, { item: this.#byPath.get(path)?.item as PathObject, positions: left });
    }
  }
  /** Returns the path of the first item that was yielded and not reported. Unknown for a list. */
  firstOpen(): string | undefined {
    return this.#list ? undefined : this.#byPath.keys().next().value;
  }
  /** Returns the items of a list without those at some positions. */
  without(leavesOut: (position: number) => boolean): readonly PathObject[] {
    return (this.#list ?? []).filter((_, position) => !leavesOut(position));
  }
  #add(position: number, item: PathObject): void {
    const known = this.#byPath.get(item.path);
    if (known) known.positions.push(position);
    else this.#byPath.set(item.path, { item, positions: [position] });
  }
}
