const ULID = /^[0-9A-HJKMNP-TV-Z]{26}/;
const IDENTITY = /^I#[^/]*/;

/**
 * With whom a blob expires: the job whose id begins a part of its name (`<jobId>/plan/3`, `p/<jobId>/...`, `<jobId>.4~1/0/2`), or the identity run
 * (`I#<hash>/0/1`). A name without either belongs to its first part, which nothing expires.
 */
export function blobOwner(name: string): string {
  const parts = name.split("/");
  for (const part of parts) {
    const owner = ULID.exec(part)?.[0] ?? IDENTITY.exec(part)?.[0];
    if (owner !== undefined) return owner;
  }
  return parts[0] ?? "";
}
