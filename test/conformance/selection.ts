import type { Case, ProseCase, UnreadableCase } from "./cases.ts";

/**
 * Selects `count` of the cases that are not prose, in the order of the file, and always the same ones. Primitives take
 * turns, each with its most frequent kind of case. In the next turns their further kinds follow. The cases of one kind
 * are spread evenly over the file.
 */
export function selectCases(cases: readonly (Case | ProseCase | UnreadableCase)[], count: number): readonly Case[] {
  const runnable = cases.filter(
    (each): each is Case => each.kind === "value" || each.kind === "error" || each.kind === "structure",
  );
  const shares = turnsOf(runnable).map((of) => ({ of, taken: 0 }));
  for (let left = Math.min(count, runnable.length); left > 0;) {
    for (const share of shares) {
      if (left === 0 || share.taken === share.of.length) continue;
      share.taken++;
      left--;
    }
  }
  const selected = new Set(
    shares.flatMap(({ of, taken }) =>
      Array.from({ length: taken }, (_, k) => of[Math.floor(((k + 0.5) * of.length) / taken)]),
    ),
  );
  return runnable.filter((each) => selected.has(each));
}

/**
 * Returns the cases by primitive and kind. The most frequent kind of each primitive comes first, then the second of
 * each, then the third.
 */
function turnsOf(cases: readonly Case[]): readonly (readonly Case[])[] {
  const kinds = grouped(cases, ({ primitive }) => primitive).map((of) =>
    grouped(of, ({ kind }) => kind).toSorted((a, b) => b.length - a.length),
  );
  return [0, 1, 2].flatMap((turn) => kinds.flatMap((of) => (of[turn] === undefined ? [] : [of[turn]])));
}
/** Groups the cases by key, in the order of each group's first case. */
function grouped(cases: readonly Case[], key: (each: Case) => string | undefined): readonly (readonly Case[])[] {
  const groups = new Map<string | undefined, Case[]>();
  for (const each of cases) {
    const group = groups.get(key(each));
    if (group === undefined) groups.set(key(each), [each]);
    else group.push(each);
  }
  return [...groups.values()];
}
