import { type FSWatcher, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Time without a change after which changes are told, because an editor writes a file in several steps. */
const QUIET_MS = 100;
const CODE = /\.([cm]?[jt]sx?|json)$/;

/**
 * Watches files through their folders: editors replace a file by another, and a watch of the file would end with it.
 * Watches of single folders work on every system.
 */
export class FileWatch {
  readonly #onChange: (files: readonly string[]) => void;
  readonly #folders = new Map<string, FSWatcher>();
  #files: ReadonlySet<string> = new Set();
  #any = false;
  readonly #changed = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;

  /** `onChange` is given the files that have changed. */
  constructor(onChange: (files: readonly string[]) => void) {
    this.#onChange = onChange;
  }
  /**
   * Replaces what is watched. With `any` other files of code in the same folders count as well: what an import lacks may
   * come to be.
   */
  set(files: ReadonlySet<string>, { any }: { readonly any: boolean }): void {
    this.#files = files;
    this.#any = any;
    const folders = new Set([...files].map((file) => dirname(file)));
    for (const folder of folders) if (!this.#folders.has(folder)) this.#watch(folder);
    for (const [folder, watcher] of this.#folders) if (!folders.has(folder)) this.#drop(folder, watcher);
  }
  stop(): void {
    clearTimeout(this.#quiet);
    for (const [folder, watcher] of this.#folders) this.#drop(folder, watcher);
  }

  #watch(folder: string): void {
    const watcher = watch(folder, (_event, name) => this.#note(folder, name));
    // A folder that was removed has no changes any more.
    watcher.on("error", () => this.#drop(folder, watcher));
    this.#folders.set(folder, watcher);
  }
  #drop(folder: string, watcher: FSWatcher): void {
    this.#folders.delete(folder);
    watcher.close();
  }
  /** Some systems do not name what has changed. */
  #note(folder: string, name: string | null): void {
    const file = name === null ? folder : join(folder, basename(name));
    if (name !== null && !this.#files.has(file) && !(this.#any && CODE.test(name))) return;
    this.#changed.add(file);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      const changed = [...this.#changed];
      this.#changed.clear();
      this.#onChange(changed);
    }, QUIET_MS);
  }
}
