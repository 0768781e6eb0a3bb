/** Returns where in a JSON text the value of a JSON pointer begins, or the nearest value around it that exists. */
export function placeOf(text: string, pointer: string): number | undefined {
  const path = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return new Scanner(text).find(path);
}

/** Walks through a text that is valid JSON. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  find(path: readonly string[]): number | undefined {
    this.#space();
    let found = this.#at;
    for (const step of path) {
      if (!this.#enter(step)) break;
      found = this.#at;
    }
    return found < this.#text.length ? found : undefined;
  }
  /** Goes to the beginning of a child. Returns false when there is none. */
  #enter(step: string): boolean {
    const opening = this.#text[this.#at];
    if (opening !== "{" && opening !== "[") return false;
    this.#at++;
    for (let index = 0; ; index++) {
      this.#space();
      if ("]}".includes(this.#text[this.#at] ?? "]")) return false;
      const name = opening === "{" ? this.#name() : String(index);
      if (name === step) return true;
      this.#skip();
      this.#space();
      if (this.#text[this.#at] !== ",") return false;
      this.#at++;
    }
  }
  #name(): string {
    const from = this.#at;
    this.#string();
    const name = JSON.parse(this.#text.slice(from, this.#at)) as string;
    this.#space();
    this.#at++; // the colon
    this.#space();
    return name;
  }
  #skip(): void {
    let depth = 0;
    do {
      const character = this.#text[this.#at];
      if (character === undefined) return;
      if (character === '"') {
        this.#string();
        continue;
      }
      if ("{[".includes(character)) depth++;
      if ("}]".includes(character)) {
        if (depth === 0) return;
        depth--;
      }
      if (depth === 0 && character === ",") return;
      this.#at++;
    } while (this.#at < this.#text.length);
  }
  #string(): void {
    for (this.#at++; this.#text[this.#at] !== '"' && this.#at < this.#text.length; this.#at++)
      if (this.#text[this.#at] === "\\") this.#at++;
    this.#at++;
  }
  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }
}
