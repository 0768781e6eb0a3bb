import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "./main.ts";
import { PROJECT } from "./init.ts";
import type { Walk } from "./walk.ts";

/** The deployment of the project that `fanfold init --cdk` has made. */
export function cdkChecks(walk: Walk): readonly Check[] {
  const folder = join(walk.folder, PROJECT);
  const out = join(folder, "cdk.out");
  return [
    ["its app is synthesised", () => walk.must(folder, "npm", "run", "synth")],
    [
      "there is a stack for each part",
      () => {
        const stacks = readdirSync(out).flatMap((name) => /^fanfold-(.*)\.template\.json$/.exec(name)?.[1] ?? []);
        assert.deepEqual(stacks.toSorted(), ["api", "engine", "operations", "site-local", "state"]);
      },
    ],
    [
      "functions are built from the package, with the user's tasks",
      () => {
        const bundles = readdirSync(join(out, "functions"));
        const worker = bundles.find((name) => name.startsWith("worker-")) ?? "none";
        const code = join(out, "functions", worker, "code");
        assert.match(readFileSync(join(code, "index.mjs"), "utf8"), /Hello, /);
        // It loads by itself, as on Lambda: everything but what the SDK brings is in it.
        walk.must(
          code,
          "node",
          "--input-type=module",
          "--eval",
          'const { handler } = await import("./index.mjs"); if (typeof handler !== "function") process.exit(1)',
        );
      },
    ],
  ];
}
