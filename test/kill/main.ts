import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exitWhenInterrupted } from "../../cli/interrupt.ts";
import { generateFolder } from "./generated-folder.ts";
import { killInventory } from "./kill-inventory.ts";

const USAGE = `npm run kill-test -- [--kills 50] [--folder DIR] [--files 6000] [--seed N]

Kills every process of one inventory with SIGKILL at random moments and starts it again, so many times, then lets it end.
Without --folder it makes one of so many files.`;
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    folder: { type: "string" },
    files: { type: "string", default: "6000" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [kills, files, seed] = [Number(values.kills), Number(values.files), Number(values.seed)];
  if (![kills, files, seed].every((each) => Number.isSafeInteger(each) && each >= 0)) {
    console.error(`--kills, --files and --seed are whole numbers\n\n${USAGE}`);
    return 2;
  }
  const workFolder = realpathSync(mkdtempSync(join(tmpdir(), "fanfold-kill-")));
  const folder = values.folder === undefined ? join(workFolder, "folder") : realpathSync(values.folder);
  if (values.folder === undefined) generateFolder(folder, files, seed);
  console.log(`seed ${seed}, folder ${folder}, everything else in ${workFolder}`);
  const { digestsRecorded, problems } = await killInventory({
    folder,
    workFolder,
    kills,
    seed,
    onLine: (line) => console.log(line),
  });
  for (const problem of problems.slice(0, 100)) console.log(`PROBLEM: ${problem}`);
  const recomputed = problems.filter((problem) => problem.endsWith("began again")).length;
  const identical = problems.some((problem) => problem.startsWith("the report"))
    ? "report DIFFERS"
    : "report identical";
  console.log(
    `${kills} kills, ${identical}, ${digestsRecorded} digests recorded, ${recomputed} recomputed, ${problems.length} problems`,
  );
  if (problems.length > 0) return 1;
  rmSync(workFolder, { recursive: true, force: true });
  return 0;
}

exitWhenInterrupted();
process.exitCode = await main();
