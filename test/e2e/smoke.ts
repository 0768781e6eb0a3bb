/**
 * The tests of the suite that `npm run e2e -- --smoke` runs, one for each behaviour that only a real deployment shows.
 * Names are full names, as `vitest list` prints them.
 */
export const SMOKE: readonly { readonly file: string; readonly tests: readonly string[] }[] = [
  {
    file: "suite/canvases.e2e.ts",
    tests: [
      "canvases over the API > one task gives its value",
      "canvases over the API > a chord over two leaves of the ledger sums all of its members",
      "canvases over the API > a failing child keeps the body from running, and the others end",
    ],
  },
  {
    file: "suite/failures.e2e.ts",
    tests: ["failures > a task that fails is tried again, and its last attempt counts"],
  },
  {
    file: "suite/step-functions.e2e.ts",
    tests: [
      "a supervised job > is an execution of its name, which ends with its outcome",
      "a supervised job > that fails gives its error to the execution",
    ],
  },
];

/**
 * Returns the arguments with which vitest picks these tests. Vitest matches names whose parts are joined by a space.
 */
export function smokeArguments(): readonly string[] {
  const names = SMOKE.flatMap(({ tests }) => tests).map((name) =>
    name.replaceAll(" > ", " ").replace(/[^\w ]/g, String.raw`\$&`),
  );
  return ["--testNamePattern", `^(${names.join("|")})$`, ...SMOKE.map(({ file }) => file)];
}
