import { defineTask } from "../../../functions/sdk/index.ts";

/** Runs at the site paris only, whose tasks folder this is. */
export const bonjour = defineTask({
  name: "e2e.bonjour",
  queue: "paris.default",
  run: (ctx, name: string) => `bonjour ${name}, ici ${ctx.site}`,
});
