import { existsSync } from "node:fs";

const PATHS = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Returns the browser of this machine, or undefined where there is none. */
export function findChromium(): string | undefined {
  return PATHS.find((path) => path !== undefined && existsSync(path));
}
