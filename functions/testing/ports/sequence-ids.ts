import { createHash } from "node:crypto";
import type { Ids } from "../../engine/ports.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_CHARACTERS = 26;

/** Makes ids of the same shape as those of a runtime. The same seed gives the same ids. */
export class SequenceIds implements Ids {
  readonly #seed: number;
  #state: number;
  #jobs = 0;
  #tokens = 0;

  constructor(seed = 0) {
    this.#seed = seed;
    this.#state = seed >>> 0;
  }

  job(): string {
    let rest = ++this.#jobs;
    let digits = "";
    for (; rest > 0; rest = Math.floor(rest / 32)) digits = (CROCKFORD[rest % 32] as string) + digits;
    return digits.padStart(ULID_CHARACTERS, "0");
  }

  /** Returns a token that contains the seed. Two processes of a test have different seeds and must not share tokens. */
  token(): string {
    return `t${this.#seed}-${++this.#tokens}`;
  }

  hash(text: string): string {
    return createHash("sha256").update(text).digest("hex");
  }

  /** Returns a number from 0 to 1 by mulberry32, which is good enough for jitter and shards. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
