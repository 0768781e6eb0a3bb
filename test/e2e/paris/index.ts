import { defineTask } from "../../../functions/sdk/index.ts";

/** Runs only at the site paris, because this is that site's tasks folder. */
export const bonjour = defineTask({
  name: "e2e.bonjour",
  queue: "paris.default",
  run: (ctx, name: string) => `bonjour ${name}, ici ${ctx.site}`,
});
export { visit, visited } from "../tasks/visits.ts";
