import type * as z from "zod";

/** Reports entries that repeat the key of an earlier entry. */
export function refuseRepeats<T>(
  list: readonly T[],
  keyOf: (item: T) => string,
  context: z.RefinementCtx,
  field?: string,
): void {
  list.forEach((item, index) => {
    const earlier = list.findIndex((other) => keyOf(other) === keyOf(item));
    if (earlier === index) return;
    context.addIssue({
      code: "custom",
      path: field === undefined ? [index] : [field, index],
      message: `repeats ${keyOf(item)} of entry ${earlier}`,
    });
  });
}
