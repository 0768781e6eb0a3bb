import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface HostileFolder {
  readonly path: string;
  remove(): void;
}

/** Names, as bytes, that are awkward for JSON, shells or terminals. */
const NAMES: readonly Buffer[] = [
  "line\nbreak",
  "tab\tand\rreturn",
  "back\\slash",
  "\\x41",
  "quote\"'`$(id)",
  " ",
  "-rf",
  "...",
  "__proto__",
  "a.__proto__",
  "\u0085next\u202eline",
  "esc\u001b[31m",
  "nf\u00e9c",
  "nfe\u0301d",
  "\ufeffbom",
  "\ufffd",
  "\u{1f4a9}",
  "UPPER.TXT",
  "upper.txt",
  ".hidden",
  "dot.",
  "a".repeat(255),
  "\u00e9".repeat(127),
].map((name) => Buffer.from(name, "utf8"));
const INVALID = ["ff", "c080", "eda080", "f4908080", "61e9622e747874", "e282", "80", "f8888080"].map((hex) =>
  Buffer.from(hex, "hex"),
);

/** Makes a folder with everything that a walk may meet and a test may create as its own user. */
export async function makeHostileFolder(): Promise<HostileFolder> {
  const path = mkdtempSync(join(tmpdir(), "fanfold-hostile-"));
  const inside = (name: string | Buffer): Buffer => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name)]);
  for (const name of [...NAMES, ...INVALID]) {
    writeFileSync(inside(name), name);
    const folder = Buffer.concat([Buffer.from("in-"), name.subarray(0, 252)]);
    mkdirSync(inside(folder));
    writeFileSync(Buffer.concat([inside(folder), Buffer.from("/"), name]), name.length % 2 === 0 ? "even" : "odd");
  }
  // These directories have names that begin like a file's. Their order differs by component and by whole path.
  for (const name of ["order", "order-a", "order.b", "order0"]) mkdirSync(inside(name));
  for (const name of ["order/z", "order-a/z", "order.b/z", "order0/z", "order!"]) writeFileSync(inside(name), "");
  for (let at = 0; at < 7; at++) writeFileSync(inside(`empty-${at}`), "");
  writeFileSync(inside("large"), Buffer.alloc(3 * 1024 * 1024 + 1, 7));
  writeFileSync(inside("large-copy"), Buffer.alloc(3 * 1024 * 1024 + 1, 7));
  writeFileSync(inside("exactly-one-buffer"), Buffer.alloc(256 * 1024, 1));
  writeFileSync(inside("one-byte-less"), Buffer.alloc(256 * 1024 - 1, 1));
  writeFileSync(inside("one-byte-more"), Buffer.alloc(256 * 1024 + 1, 1));
  writeFileSync(inside("hard"), "linked");
  linkSync(inside("hard"), inside("hard-link"));
  for (const [target, name] of LINKS) symlinkSync(target, inside(name));
  mkdirSync(inside("empty-folder/a/b/c"), { recursive: true });
  makeDeep(path);
  makeFifo(join(path, "fifo"));
  const server = await listen(join(path, "socket"));
  return {
    path,
    remove() {
      server.close();
      // rmSync cannot name paths that are longer than the limit.
      execFileSync("rm", ["-rf", path]);
    },
  };
}
const LINKS: readonly [target: string, name: string][] = [
  ["nowhere", "dangling"],
  ["loop-b", "loop-a"],
  ["loop-a", "loop-b"],
  [".", "to-itself"],
  ["hard", "to-file"],
  ["/", "to-root"],
  ["order", "to-folder"],
];

/** Makes directories up to the longest path, with a file in each. */
function makeDeep(path: string): void {
  let deep = join(path, "deep");
  while (deep.length < 4_085) {
    mkdirSync(deep);
    writeFileSync(join(deep, "f"), String(deep.length));
    deep = join(deep, "d".repeat(Math.max(1, Math.min(200, 4_085 - deep.length - 1))));
  }
}
/** Makes directories deeper than any path may be long, which can only be reached step by step. */
export function makeTooDeep(path: string): void {
  const script =
    'cd "$1" && mkdir beyond && cd beyond && for i in $(seq 25); do mkdir "$2" && cd "$2" && echo x > f || exit 1; done';
  execFileSync("bash", ["-c", script, "bash", path, "n".repeat(200)]);
}

export function makeFifo(path: string): void {
  execFileSync("bash", ["-c", 'mkfifo "$1"', "bash", path]);
}
function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().unref();
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  });
}
