const ULID = /^[0-9A-HJKMNP-TV-Z]{26}/;
const IDENTITY = /^~[0-9a-f]{40}/;

/**
 * Returns the owner with which a blob expires. It is the job whose id begins a part of the name (`<jobId>/plan/3`,
 * `p/<jobId>/...`, `<jobId>.4~1/0/2`), or the identity (`~<hash>/value/~<hash>.0/0/1`). A name with neither has its first part as
 * the owner, and that never expires.
 */
export function blobOwner(name: string): string {
  const parts = name.split("/");
  for (const part of parts) {
    const owner = ULID.exec(part)?.[0] ?? IDENTITY.exec(part)?.[0];
    if (owner !== undefined) return owner;
  }
  return parts[0] ?? "";
}
