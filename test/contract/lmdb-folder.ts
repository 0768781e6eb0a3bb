import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EnvironmentOptions, LmdbEnvironment } from "../../functions/embedded/lmdb/lmdb-environment.ts";

export interface OpenFolder {
  readonly folder: string;
  readonly environment: LmdbEnvironment;
  readonly close: () => Promise<void>;
}
/** Opens an environment in a new folder, which `close` removes. */
export function openFolder(options: Omit<EnvironmentOptions, "folder"> = {}): OpenFolder {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-lmdb-"));
  const environment = new LmdbEnvironment({ folder, ...options });
  const close = async (): Promise<void> => {
    await environment.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, environment, close };
}
