import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { program } from "../cli/program.ts";
import { ERROR_CODES } from "../functions/core/errors.ts";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...pagesIn("docs"),
  ...pagesIn("docs/adr"),
];

const SENTENCE_WORDS = 30;
const CELL_WORDS = 25;
const COLUMNS = 120;

interface Line {
  readonly text: string;
  readonly number: number;
}
interface Page {
  /** Everything outside of code blocks. */
  readonly prose: readonly Line[];
  readonly tables: readonly Line[];
  readonly all: readonly Line[];
}
function pageOf(source: string): Page {
  const prose: Line[] = [];
  const tables: Line[] = [];
  const all = source.split("\n").map((text, at) => ({ text, number: at + 1 }));
  let fenced = false;
  for (const line of all) {
    if (line.text.startsWith("```")) fenced = !fenced;
    else if (line.text.startsWith("|")) tables.push(line);
    // A blank line in place of a code block, so that the sentence before it ends there.
    else
      prose.push(fenced || line.text.startsWith("    ") || line.text.startsWith("<!--") ? { ...line, text: "" } : line);
  }
  return { prose, tables, all };
}

/** Code, however long, is read as one word; of a link its text is read. */
function wordsIn(text: string): number {
  const plain = text
    .replaceAll(/``[^`]+``|`[^`]+`/g, "code")
    .replaceAll(/\]\([^)]*\)/g, "]")
    .replaceAll(/<[^<>\s]+>/g, "");
  return plain.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
/** Paragraphs, list items and headings, each in one line. */
function paragraphsOf(lines: readonly Line[]): Line[] {
  const paragraphs: Line[] = [];
  let open: Line | undefined;
  const close = (): void => {
    if (open) paragraphs.push(open);
    open = undefined;
  };
  for (const { text, number } of lines) {
    const begins = /^\s*([-*]|\d+\.|#+)\s/.test(text);
    if (text.trim() === "" || begins) close();
    if (text.trim() !== "")
      open = open ? { text: `${open.text} ${text.trim()}`, number: open.number } : { text: text.trim(), number };
    if (/^#+\s/.test(text)) close();
  }
  close();
  return paragraphs;
}
function sentencesOf({ text, number }: Line): Line[] {
  const code: string[] = [];
  const hidden = text.replaceAll(/``[^`]+``|`[^`]+`/g, (span) => `\`${code.push(span) - 1}\``);
  return hidden
    .split(/(?<=[.!?][*_")\]]*)\s+/)
    .map((sentence) => ({ text: sentence.replaceAll(/`(\d+)`/g, (_all, at) => code[Number(at)] ?? ""), number }));
}
const cellsOf = ({ text, number }: Line): Line[] =>
  text
    .replaceAll(/``[^`]+``|`[^`]+`/g, "code")
    .split(/(?<!\\)\|/)
    .map((cell) => ({ text: cell, number }));

/** What a page has that is too long to read. */
function tooLong(source: string): string[] {
  const { prose, tables, all } = pageOf(source);
  const sentences = paragraphsOf(prose).flatMap(sentencesOf);
  const tabled = new Set(tables.map(({ number }) => number));
  const say = (what: string, { text, number }: Line): string => `${number}: ${what}: ${text.trim().slice(0, 100)}`;
  return [
    ...sentences
      .filter(({ text }) => wordsIn(text) > SENTENCE_WORDS)
      .map((line) => say(`a sentence of ${wordsIn(line.text)} words`, line)),
    ...tables
      .flatMap(cellsOf)
      .filter(({ text }) => wordsIn(text) > CELL_WORDS)
      .map((line) => say(`a cell of ${wordsIn(line.text)} words`, line)),
    // The target of a link cannot be broken.
    ...all
      .filter(
        ({ text, number }) =>
          !tabled.has(number) && text.replaceAll(/\]\([^)]*\)|https?:\/\/\S+/g, "]").length > COLUMNS,
      )
      .map((line) => say(`a line of ${line.text.length} columns`, line)),
  ];
}

describe("pages for people", () => {
  it.each(PAGES)("%s has no wall: sentences, cells and lines are short", (page) =>
    expect(tooLong(read(page))).toEqual([]),
  );

  const words = (count: number): string => Array.from({ length: count }, () => "w").join(" ");
  it.each([
    ["a sentence", `${words(31)}.`],
    ["a sentence over several lines", `${words(16)}\n${words(15)}.`],
    ["a sentence behind a short one", `Short. ${words(31)}.`],
    ["an item of a list", `- ${words(31)}`],
    ["a cell", `| short | ${words(26)} |`],
    ["a line", "x".repeat(121)],
    ["a line of code", `\`\`\`ts\n${"x".repeat(121)}\n\`\`\``],
  ])("are told when they are too long: %s", (_title, source) => expect(tooLong(source)).toHaveLength(1));
  it.each([
    ["two sentences", `${words(30)}.\n${words(30)}.`],
    ["items of a list", `- ${words(20)}\n- ${words(20)}`],
    ["code, which counts as one word", `Say \`${words(40)}\`.`.replaceAll(" ", "\n")],
    ["a code block", `\`\`\`text\n${words(15)}\n${words(15)}\n${words(15)}\n\`\`\``],
    ["a table, whatever its width", `| ${Array.from({ length: 10 }, () => words(20)).join(" | ")} |`],
    ["the target of a link", `[here](${"x".repeat(121)})`],
  ])("are left alone when they are short enough: %s", (_title, source) => expect(tooLong(source)).toEqual([]));

  it.each(PAGES.filter((page) => !page.startsWith("docs/adr/") && page !== "CHANGELOG.md"))(
    "%s names only files that exist",
    (page) => {
      const named = [...read(page).matchAll(/`((?:functions|test|cli|infra|docs)\/[\w./-]*[\w-])`/g)].map(
        (match) => match[1] as string,
      );
      expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    },
  );
  it.each(PAGES)("%s links to pages and sections that exist", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s#]*)(#[^)\s]+)?\)/g)].filter(
      ([, path = ""]) => !/^[a-z]+:/.test(path),
    );
    const missing = links.filter(([, path = "", anchor]) => {
      const target = path === "" ? join(root, page) : join(root, page, "..", path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).has(anchor.slice(1));
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });
});
/** Names of headings, as GitHub makes them. */
function anchorsOf(source: string): Set<string> {
  const headings = [...source.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] as string);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("docs/errors.md", () => {
  it("lists the codes of core/errors.ts, in their order, and no other", () => {
    const documented = [...read("docs/errors.md").matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]);
    expect(documented).toEqual([...ERROR_CODES]);
  });
});

describe("docs/glossary.md", () => {
  const words = [...read("docs/glossary.md").matchAll(/^\| ([a-z][^|]*?) \|/gm)].flatMap((match) =>
    (match[1] as string).split(", "),
  );
  const defined = words.filter((word) => word !== "word");
  const code = ["functions", "cli", "infra"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
    )
    .filter((path) => path.endsWith(".ts"))
    .map(read)
    .join("\n");

  it("has its words", () => expect(defined.length).toBeGreaterThan(50));
  it("defines each word once", () => expect(defined.filter((word, at) => defined.indexOf(word) !== at)).toEqual([]));
  // "held runs" is `heldRuns`, `HeldRuns` or "held runs" in code.
  it.each(defined)("has no word that the code does not use: %s", (word) =>
    // Not `toMatch`, which would print all the code.
    expect(new RegExp(word.split(" ").join("[\\s_-]?").replaceAll("-", "[\\s_-]?"), "i").test(code)).toBe(true),
  );
});

/** What docs/architecture.md says is missing, and a sign of each in the code. A sign that appears makes its row stale. */
describe("what is not there yet", () => {
  const has = (path: string, word: string): boolean => new RegExp(`\\b${word}\\b`).test(read(path));
  const BUILT: Readonly<Record<string, () => boolean>> = {
    "Sites on one machine": () => has("functions/embedded/runtime.ts", "sites"),
  };
  const [, section = ""] = read("docs/architecture.md").split("\n## Not there yet\n");
  const rows = [...section.matchAll(/^\| ([A-Z][^|]*?) \|/gm)].map((match) => match[1] as string);

  it("has a sign for each row", () => expect(Object.keys(BUILT)).toEqual(rows));
  it.each(rows)("is not there: %s", (row) => expect(BUILT[row]?.()).toBe(false));
});

describe("what pages name", () => {
  const pages = PAGES.filter((page) => page !== "CHANGELOG.md" && !page.startsWith("docs/adr/"));
  const named = (pattern: RegExp): string[] =>
    pages.flatMap((page) => [...read(page).matchAll(pattern)].map((match) => match[1] as string));
  it("commands of fanfold exist", () => {
    const commands = new Set(program().commands.map((each) => each.name()));
    const found = named(/(?:\bfanfold(?: --)?|`fanfold) ([a-z]+(?:-[a-z]+)*)\b(?=[^|\n]*`|$| [A-Z<{-]| [a-z]+\.)/gm);
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter((name) => !commands.has(name))).toEqual([]);
  });
  it("scripts of npm exist", () =>
    expect(named(/npm run (?:--silent )?([a-z0-9:-]+)/g).filter((name) => !(name in packageJson.scripts))).toEqual([]));
  it("settings of fanfold.config.ts exist", () => {
    const found = named(/`(?:api|alarms|tables|sites\[\]|queues\[\])\.(\w+)[`:]/g);
    expect(found.length).toBeGreaterThan(5);
    expect(found.filter((name) => !new RegExp(`readonly ${name}\\??:`).test(read("functions/sdk/config.ts")))).toEqual(
      [],
    );
  });
});
