import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "./main.ts";
import { CDK_TYPES, tsconfig, TYPES } from "./projects.ts";
import { COMMAND } from "./plain.ts";
import type { Walk } from "./walk.ts";

export const PROJECT = "my-app";

/** The ten minutes of a new user, up to a job on a dev server. */
export function initChecks(walk: Walk): readonly Check[] {
  const folder = join(walk.folder, PROJECT);
  const init = (...args: string[]) =>
    walk.run(walk.folder, "node", join(walk.folder, "plain", COMMAND), "init", ...args);
  return [
    [
      "`npx fanfold init` makes a project",
      () => walk.must(walk.folder, "npx", "--yes", "--package", walk.tarball, "fanfold", "init", "first"),
    ],
    ["`fanfold init --cdk` makes one that can be deployed", () => assert.equal(init(PROJECT, "--cdk").code, 0)],
    [
      "it overwrites nothing",
      () => {
        const before = readFileSync(join(folder, "package.json"), "utf8");
        const { code, stderr } = init(PROJECT);
        assert.equal(code, 2);
        assert.match(stderr, /has package\.json, .* already, and nothing is overwritten/);
        assert.equal(readFileSync(join(folder, "package.json"), "utf8"), before);
      },
    ],
    [
      "the project installs",
      () => {
        // The release that is tested is in no registry yet.
        walk.must(folder, "npm", "pkg", "set", `dependencies.fanfold=file:${walk.tarball}`);
        walk.install(folder);
      },
    ],
    ["its test is green", () => assert.match(walk.must(folder, "npm", "test"), /# pass 2/)],
    ["its types are right", () => walk.must(folder, "npm", "run", "check")],
    ...(["nodenext", "bundler"] as const).map((resolution): Check => [
      `declarations are right with ${resolution} resolution, and refuse what is wrong`,
      () => compile(walk, folder, resolution),
    ]),
    ["its dev server runs the workflow", () => useServer(walk, folder)],
  ];
}

function compile(walk: Walk, folder: string, resolution: "nodenext" | "bundler"): void {
  walk.project(PROJECT, {
    "types.ts": TYPES,
    "cdk-types.ts": CDK_TYPES,
    "tsconfig.types.json": tsconfig(resolution, ["types.ts"], false),
    // The CDK's own declarations are not ours to check.
    "tsconfig.cdk.json": tsconfig(resolution, ["cdk-types.ts"], true),
  });
  walk.must(folder, "npx", "tsc", "-p", "tsconfig.types.json");
  // They take long to read, so once must do.
  if (resolution === "nodenext") walk.must(folder, "npx", "tsc", "-p", "tsconfig.cdk.json");
}

/** npx would stand between a signal and the server. */
const DEV = [COMMAND, "dev", "--port", "0", "--workers", "1"];
async function useServer(walk: Walk, folder: string): Promise<void> {
  const server = await walk.start(folder, "Ctrl-C stops", "node", ...DEV);
  const names = ["--field", 'names=["Ada", "Grace"]'];
  const printed = walk.must(folder, "npx", "fanfold", "run", "greetings", ...names);
  assert.match(printed, /0 .*Hello, Ada!.*\n.*1 .*Hello, Grace!/);
  assert.match(walk.must(folder, "npx", "fanfold", "jobs"), /success .*greetings/);
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  await ended;
}
