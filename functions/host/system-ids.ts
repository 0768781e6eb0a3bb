import { createHash, randomBytes } from "node:crypto";
import type { Clock, Ids } from "../engine/ports.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;
const IDS_PER_FETCH = 64;

/** Makes the ids of this process. Its ULIDs never go back, and its tokens cost no system call. */
export class SystemIds implements Ids {
  readonly #clock: Clock;
  /** 96 random bits that name the process. A counter names its tokens. */
  readonly #process = randomBytes(12).toString("base64url");
  #tokens = 0;
  #time = 0;
  #random: number[] = [];
  /** Random bytes that no id has used yet. One system call fetches those of many ids. */
  #bytes = Buffer.alloc(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns a new ULID. Within one millisecond, or when the clock goes back, the random part counts up
   * (https://github.com/ulid/spec, monotonicity).
   */
  job(): string {
    const now = this.#clock.now();
    if (now > this.#time) {
      this.#time = now;
      this.#random = Array.from(this.#takeBytes(), (byte) => byte & 31);
      // The first bit stays 0, so counting up cannot overflow.
      this.#random[0] = (this.#random[0] as number) & 15;
    } else increment(this.#random);
    let time = "";
    for (let rest = this.#time, place = 0; place < TIME_CHARACTERS; place++, rest = Math.floor(rest / 32))
      time = (CROCKFORD[rest % 32] as string) + time;
    return time + this.#random.map((digit) => CROCKFORD[digit] as string).join("");
  }

  token(): string {
    return `${this.#process}${(++this.#tokens).toString(36)}`;
  }

  hash(text: string): string {
    return createHash("sha256").update(text).digest("hex");
  }

  random(): number {
    return Math.random();
  }

  #takeBytes(): Buffer {
    if (this.#bytes.length === 0) this.#bytes = randomBytes(RANDOM_CHARACTERS * IDS_PER_FETCH);
    const bytes = this.#bytes.subarray(0, RANDOM_CHARACTERS);
    this.#bytes = this.#bytes.subarray(RANDOM_CHARACTERS);
    return bytes;
  }
}

function increment(digits: number[]): void {
  for (let place = digits.length - 1; place >= 0; place--) {
    const digit = (digits[place] as number) + 1;
    digits[place] = digit & 31;
    if (digit < 32) return;
  }
}
