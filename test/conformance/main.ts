import { Command, InvalidArgumentError } from "commander";
import { readCases } from "./cases.ts";
import { type ClosableDriver, embeddedDriver, httpDriver } from "./driver.ts";
import type { CaseReport } from "./run-case.ts";
import { runCases, summary } from "./run-cases.ts";
import { selectCases } from "./selection.ts";

interface Options {
  readonly json?: true;
  readonly only?: string;
  readonly pick?: number;
  readonly parallel: number;
  readonly workers: number;
  readonly url?: string;
  readonly token?: string;
  readonly header: Readonly<Record<string, string>>;
}
function whole(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError("a whole number is wanted");
  return Number(text);
}

await new Command("conformance")
  .description(
    "Runs the cases of a file in the notation of test/conformance/cases/canvas-notation.md. Exits with 1 when one fails.",
  )
  .argument("<file>", "an array of cases, as JSON")
  .option("--json", "one JSON object per case instead of lines for people")
  .option("--only <ids>", "ids, or beginnings of ids, with commas between them")
  .option("--pick <n>", "so many of them, spread over primitives and kinds, the same ones each time", whole)
  .option("--parallel <n>", "cases at once", whole, 16)
  .option("--workers <n>", "processes of the embedded engine that run tasks", whole, 2)
  .option(
    "--url <url>",
    "a server to run them on, in place of an embedded engine; it was deployed with test/conformance/tasks.ts",
  )
  .option("--token <token>", "of that server")
  .option("--header <name: value>", "sent to that server; may be repeated", header, {})
  .action(async (file: string, options: Options) => {
    const only = options.only?.split(",");
    const chosen = readCases(file).filter(({ id }) => only === undefined || only.some((start) => id.startsWith(start)));
    const cases = options.pick === undefined ? chosen : selectCases(chosen, options.pick);
    const driver = await driverOf(options);
    try {
      const reports = await runCases(driver, cases, {
        parallel: options.parallel,
        onReport: options.json ? print : say,
      });
      console.log(summary(reports));
      if (reports.some(({ status }) => status === "failed")) process.exitCode = 1;
    } finally {
      await driver.close();
    }
  })
  .parseAsync();

function header(text: string, headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const colon = text.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError("`name: value` is wanted");
  return { ...headers, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() };
}
async function driverOf({ url, token, header: headers, workers }: Options): Promise<ClosableDriver> {
  if (url === undefined) return embeddedDriver({ workers });
  return { ...httpDriver({ url, headers, ...(token !== undefined && { token }) }), close: () => Promise.resolve() };
}
function print(report: CaseReport): void {
  console.log(JSON.stringify(report));
}
function say({ id, status, problems, seconds }: CaseReport): void {
  console.log(`${status} ${id}${status === "skipped" ? "" : ` ${seconds.toFixed(3)} s`}`);
  for (const problem of problems) console.log(`  ${problem}`);
}
