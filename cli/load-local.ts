/**
 * Loads the engine and its database, which take as long to load as everything else. Commands that talk to a dev server
 * do without.
 */
export async function loadLocal() {
  return import("./local-server.ts");
}
