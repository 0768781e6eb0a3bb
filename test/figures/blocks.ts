import { readFileSync, writeFileSync } from "node:fs";
import { FIGURES } from "./tables.ts";

/** Guides whose figures are generated. A figure stands between `<!-- figures: NAME -->` and `<!-- end -->`. */
export const GUIDES = ["docs/scale.md", "docs/guide-aws.md"] as const;
const BLOCK = /<!-- figures: ([\w-]+) -->\n[\s\S]*?\n?<!-- end -->/g;

export function readGuide(guide: string): string {
  return readFileSync(new URL(`../../${guide}`, import.meta.url), "utf8");
}
/** Returns the text of a guide with today's figures. */
export function renewed(text: string): string {
  return text.replaceAll(BLOCK, (_block, name: string) => {
    const figure = FIGURES[name];
    if (!figure) throw new Error(`there is no figure ${name}`);
    return `<!-- figures: ${name} -->\n\n${figure()}\n\n<!-- end -->`;
  });
}
export function renew(guide: string): void {
  writeFileSync(new URL(`../../${guide}`, import.meta.url), renewed(readGuide(guide)));
}
