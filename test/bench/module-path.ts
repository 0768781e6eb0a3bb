import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Returns the path of a module beside another. `name` has no extension, since sources are TypeScript and the built
 * package is not.
 */
export function modulePath(beside: string, name: string): string {
  return fileURLToPath(new URL(`${name}${extname(beside)}`, beside));
}
