import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the page is built from. A page that was built of the same is not built again. */
const SOURCES = ["web", "functions/client", "functions/core"];
/** Names the sources of a built page, beside it. */
export const SOURCES_FILE = "sources.txt";

/** Returns a digest of the sources of the page in this checkout. */
export function digestOfSources(checkout: string): string {
  const hash = createHash("sha256");
  const paths = SOURCES.flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const path of [
    ...paths.filter((each) => !/[\\/]dist[\d.]*[\\/]/.test(each)),
    join(checkout, "package-lock.json"),
  ].toSorted())
    hash.update(path.slice(checkout.length)).update("\0").update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}
