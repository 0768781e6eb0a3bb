/** The engine and its database take as long to load as everything else; a command that talks to a dev server does without. */
export async function loadLocal() {
  return import("./local-server.ts");
}
