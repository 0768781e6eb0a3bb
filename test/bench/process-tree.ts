import { readdirSync, readFileSync } from "node:fs";

/** What Linux tells of processes: who started whom, CPU time, memory. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Of itself and of the children that have ended and that it has waited for. */
  readonly cpuSeconds: number;
}
/** Ticks of /proc, which Linux shows in hundredths whatever the kernel's own. */
const TICKS_PER_SECOND = 100;

/** Reads the content of /proc/<pid>/stat. The command in brackets may have spaces and brackets in it. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}
/** Megabytes of anonymous memory in the content of /proc/<pid>/status. Pages of mapped files, a database's for instance, are the system's to take back. */
export function parseRssAnonMb(text: string): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1_024;
}
/** The process and all that it, or what it started, has started. */
export function treeOf(all: readonly ProcessStat[], root: number): ProcessStat[] {
  const found = all.filter(({ pid }) => pid === root);
  // It grows while it is walked over.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

export interface Usage {
  /** User and system time of all processes. */
  readonly cpuSeconds: number;
  /** Largest anonymous memory that any one process was seen to have. */
  readonly rssMb: number;
  /** The same, without the process that started the others. */
  readonly rssOthersMb: number;
}
const LOOK_MS = 100;
/** Looking for processes reads a file of every one on the machine. */
const LOOKS_PER_SEARCH = 10;

/** Watches a process and its descendants from outside, so that watching slows down none of them. */
export class TreeMeter {
  readonly #root: number;
  readonly #cpuBefore: number;
  readonly #timer: NodeJS.Timeout;
  #pids: readonly number[] = [];
  #looks = 0;
  #rootMb = 0;
  #othersMb = 0;

  constructor(root: number) {
    this.#root = root;
    this.#cpuBefore = this.#search();
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }
  stop(): Usage {
    clearInterval(this.#timer);
    const cpuSeconds = this.#search() - this.#cpuBefore;
    this.#look();
    return { cpuSeconds, rssMb: Math.max(this.#rootMb, this.#othersMb), rssOthersMb: this.#othersMb };
  }
  /** Gives the CPU time of all. */
  #search(): number {
    const tree = treeOf(readAll(), this.#root);
    this.#pids = tree.map(({ pid }) => pid);
    return tree.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }
  #look(): void {
    if (++this.#looks % LOOKS_PER_SEARCH === 0) this.#search();
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
/** Empty when the process has just ended. */
function readOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
