import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../sim/random.ts";

/**
 * Makes a folder of many small files in nested directories, some of them alike. The same seed makes the same folder.
 */
export function generateFolder(folder: string, files: number, seed: number): void {
  const random = seededRandom(seed);
  const directories = [folder];
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < files; at++) {
    if (at % 20 === 0) {
      const inside = join(random.pick(directories.slice(-50)), `d${at / 20}${random.chance(0.05) ? "\n" : ""}`);
      // A path may have at most 4096 bytes.
      const directory = inside.length > 1_000 ? join(folder, `d${at / 20}`) : inside;
      mkdirSync(directory);
      directories.push(directory);
    }
    const content = random.chance(0.2) ? `alike ${random.int(100)}` : `${at}${"x".repeat(random.int(2_000))}`;
    writeFileSync(
      join(
        random.pick(directories.slice(-10)),
        `f${at}${random.pick([".ts", ".js", ".json", ".md", "", ".\u00e9", ".a\\b"])}`,
      ),
      content,
    );
  }
}
