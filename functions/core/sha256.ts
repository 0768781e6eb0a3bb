/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4). */
const ROUND = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)));
const BLOCK_BYTES = 64;

/**
 * SHA-256 of content that comes in pieces. Platforms without Node hash only what they hold as a whole. Servers use
 * their platform's own, which is several times as fast.
 */
export class Sha256 {
  readonly #state = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)));
  readonly #words = new Int32Array(BLOCK_BYTES);
  readonly #rest = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #bytes = 0;

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }
  update(piece: Uint8Array): this {
    this.#bytes += piece.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(BLOCK_BYTES - this.#filled, piece.length);
      this.#rest.set(piece.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < BLOCK_BYTES) return this;
      this.#block(this.#rest, 0);
    }
    for (; at + BLOCK_BYTES <= piece.length; at += BLOCK_BYTES) this.#block(piece, at);
    this.#rest.set(piece.subarray(at));
    this.#filled = piece.length - at;
    return this;
  }
  /** Returns the hash in hex. Nothing may be added afterwards. */
  digest(): string {
    const bits = this.#bytes * 8;
    const padding = new Uint8Array((this.#filled < 56 ? 56 : 120) - this.#filled + 8);
    padding[0] = 0x80;
    const length = new DataView(padding.buffer, padding.length - 8);
    length.setUint32(0, Math.floor(bits / 2 ** 32));
    length.setUint32(4, bits % 2 ** 32);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #block(bytes: Uint8Array, from: number): void {
    const words = this.#words;
    const view = new DataView(bytes.buffer, bytes.byteOffset + from, BLOCK_BYTES);
    for (let t = 0; t < 16; t++) words[t] = view.getInt32(4 * t);
    for (let t = 16; t < 64; t++) {
      const x = words[t - 15] as number;
      const y = words[t - 2] as number;
      const small = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
      const large = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
      words[t] = ((words[t - 16] as number) + (words[t - 7] as number) + small + large) | 0;
    }
    const state = this.#state;
    // Eight variables, because this loop is all of the work.
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let t = 0; t < 64; t++) {
      const choice = ((turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g))) | 0;
      const one = (h + choice + (ROUND[t] as number) + (words[t] as number)) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    const added = [a, b, c, d, e, f, g, h];
    for (let k = 0; k < 8; k++) state[k] = (state[k] as number) + (added[k] as number);
  }
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
function fraction(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}
function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}
