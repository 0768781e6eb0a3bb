import { readdirSync, readFileSync } from "node:fs";

/** Facts about processes, as Linux shows them: parents, CPU time, memory. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of the process, and of its ended children that it has waited for. */
  readonly cpuSeconds: number;
}
/** Ticks of /proc per second, which Linux fixes at a hundred whatever the kernel uses. */
const TICKS_PER_SECOND = 100;

/** Reads the content of /proc/<pid>/stat. The command in brackets may contain spaces and brackets. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}
/**
 * Returns megabytes of anonymous memory, given the content of /proc/<pid>/status. Pages of mapped files, of a database
 * for instance, do not count, because the system may take them back.
 */
export function parseRssAnonMb(text: string): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1_024;
}
/** Returns the process and all its descendants. */
export function treeOf(all: readonly ProcessStat[], root: number): ProcessStat[] {
  const found = all.filter(({ pid }) => pid === root);
  // The list grows during this loop.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

export interface Usage {
  /** User and system time of all processes, in seconds. */
  readonly cpuSeconds: number;
  /** Largest anonymous memory that any one process was seen to have. */
  readonly rssMb: number;
  /** Largest anonymous memory of any process but the one that started the others. */
  readonly rssOthersMb: number;
}
const SAMPLE_MS = 100;
/** Samples between two searches for processes. A search reads a file of every process on the machine. */
const SAMPLES_PER_SEARCH = 10;

/** Watches a process and its descendants from outside, so watching slows down none of them. */
export class TreeMeter {
  readonly #root: number;
  readonly #cpuBefore: number;
  readonly #timer: NodeJS.Timeout;
  #pids: readonly number[] = [];
  #samples = 0;
  #rootMb = 0;
  #othersMb = 0;

  constructor(root: number) {
    this.#root = root;
    this.#cpuBefore = this.#search();
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }
  stop(): Usage {
    clearInterval(this.#timer);
    const cpuSeconds = this.#search() - this.#cpuBefore;
    this.#sample();
    return { cpuSeconds, rssMb: Math.max(this.#rootMb, this.#othersMb), rssOthersMb: this.#othersMb };
  }
  /** Returns the CPU time of all processes. */
  #search(): number {
    const tree = treeOf(readAll(), this.#root);
    this.#pids = tree.map(({ pid }) => pid);
    return tree.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }
  #sample(): void {
    if (++this.#samples % SAMPLES_PER_SEARCH === 0) this.#search();
    for (const pid of this.#pids) {
      const mb = parseRssAnonMb(readOf(pid, "status"));
      if (pid === this.#root) this.#rootMb = Math.max(this.#rootMb, mb);
      else this.#othersMb = Math.max(this.#othersMb, mb);
    }
  }
}
function readAll(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readOf(Number(pid), "stat"))
    .filter((text) => text !== "")
    .map(parseStat);
}
/** Returns an empty text when the process has just ended. */
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
