/** Digests that a manifest may have, by the hexadecimal digits of one. coreutils has a tool for each. */
const DIGITS = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const;
export type Algorithm = keyof typeof DIGITS;
export const ALGORITHMS = Object.keys(DIGITS) as [Algorithm, ...Algorithm[]];

/** Returns the algorithm whose digests are so long. */
export function algorithmOf(digest: string): Algorithm | undefined {
  return ALGORITHMS.find((name) => DIGITS[name] === digest.length);
}
