import { BACKLOG_VARIANTS } from "./backlog-variants.ts";
import { GRAPH_VARIANTS } from "./graph-variants.ts";
import { BULK_VARIANTS } from "./bulk-variants.ts";
import { LIMIT_VARIANTS } from "./limit-variants.ts";
import { PAUSE_VARIANTS } from "./pause-variants.ts";
import type { Variant } from "./variant-parts.ts";

/** Everything that holds work back. */
export const FLOW_VARIANTS: { readonly [name: string]: Variant } = {
  ...PAUSE_VARIANTS,
  ...LIMIT_VARIANTS,
  ...BACKLOG_VARIANTS,
  ...GRAPH_VARIANTS,
  ...BULK_VARIANTS,
};
