import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { FanfoldError } from "../../functions/core/errors.ts";
import { readPackageJson } from "../../functions/host/own-files.ts";
import { action, type Context, plainCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { projectFiles } from "../init/project-files.ts";
import { shortPath } from "../repository.ts";

interface InitOptions {
  readonly json: boolean;
  readonly cdk: boolean;
}

export function initCommand(): Command {
  return plainCommand(
    "init",
    "Make a project: one task, one workflow, one test. Overwrites nothing",
    "fanfold init my-app\nfanfold init my-app --cdk",
  )
    .argument("[folder]", "folder of the project (default: the working folder)", ".")
    .option("--cdk", "add an app of the AWS CDK that deploys it", false)
    .action(
      action(async ({ terminal }: Context, { cdk }: InitOptions, given: string) => {
        const folder = resolve(given);
        const files = projectFiles({ name: nameOf(folder), cdk, fanfold: readPackageJson() });
        write(folder, files);
        if (terminal.json) await terminal.printJson({ folder, files: Object.keys(files) });
        else await terminal.print(`${Object.keys(files).join("\n")}\n\nNext:\n${nextSteps(folder)}\n`);
        return EXIT.success;
      }),
    );
}

/** Returns the name of the folder as npm accepts it as the name of a package. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return name === "" || name === "fanfold" ? "my-fanfold" : name.slice(0, 200);
}

/** Writes all files, or none when one of them exists. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  const taken = Object.keys(files).filter((path) => existsSync(join(folder, path)));
  if (taken.length > 0)
    throw new FanfoldError(
      "invalid_request",
      `${folder} has ${taken.join(", ")} already, and nothing is overwritten: name another folder`,
      { details: { field: "folder" } },
    );
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content, { flag: "wx" });
    }
  } catch (cause) {
    const { message } = cause as NodeJS.ErrnoException;
    throw new FanfoldError("invalid_request", `${folder} cannot be written: ${message}`, {
      details: { field: "folder" },
      cause,
    });
  }
}

function nextSteps(folder: string): string {
  const enter = folder === process.cwd() ? [] : [`cd ${shortPath(folder)}`];
  return [...enter, "npm install", "npm test", "npm run dev"].map((line) => `  $ ${line}`).join("\n");
}
