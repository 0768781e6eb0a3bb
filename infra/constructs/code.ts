import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { Settings } from "../../functions/sdk/config.ts";
import {
  type Bundle,
  bundleHandler,
  describeTasks,
  type HandlerName,
  type Registry,
  type SiteTasks,
  tasksModuleOf,
} from "../bundling.ts";

/** Bundles the code of a deployment's functions. Functions with the same code share a bundle. */
export class FunctionCode {
  private readonly outDir: string;
  private readonly sites: readonly SiteTasks[];
  private readonly bundles = new Map<string, Bundle>();
  private registry: Registry | undefined;

  /**
   * Finds tasks modules from `root` (default: the working folder). Leaves bundles and source maps in `outDir` (default:
   * a temporary folder).
   */
  constructor(settings: Settings, options: { readonly root?: string; readonly outDir?: string } = {}) {
    const { root = process.cwd(), outDir = mkdtempSync(join(tmpdir(), "fanfold-code-")) } = options;
    this.outDir = outDir;
    // The default site comes first, because tasks that name no site belong to it.
    const sites = settings.sites.toSorted(
      (a, b) => Number(b.name === settings.site) - Number(a.name === settings.site),
    );
    this.sites = sites.map(({ name, tasks }) => ({
      site: name,
      tasksModule: tasksModuleOf(tasks ?? settings.tasks, root),
    }));
  }

  /**
   * Returns the code of a function. `tasks` names the site whose tasks the function runs; `all` includes the workflows
   * of every site.
   */
  of(
    handler: HandlerName,
    tasks: "none" | "all" | { readonly site: string },
  ): { readonly code: Code; readonly handler: string } {
    const included = tasks === "none" ? [] : this.sites.filter(({ site }) => tasks === "all" || site === tasks.site);
    const tasksModules = [...new Set(included.map(({ tasksModule }) => tasksModule))];
    const outDir = join(this.outDir, tasksModules.length === 0 ? handler : `${handler}-${shortOf(tasksModules)}`);
    const bundle =
      this.bundles.get(outDir) ?? bundleHandler({ handler, tasksModules, registry: this.described(), outDir });
    this.bundles.set(outDir, bundle);
    return { code: Code.fromAsset(bundle.folder), handler: bundle.handler };
  }
  /** Returns the names or ARNs of the state machines that run as tasks. */
  stateMachines(): readonly string[] {
    return [
      ...new Set(
        this.described().tasks.flatMap(({ stateMachine }) => (stateMachine === undefined ? [] : [stateMachine.name])),
      ),
    ].toSorted();
  }
  private described(): Registry {
    return (this.registry ??= describeTasks(this.sites));
  }
}

function shortOf(modules: readonly string[]): string {
  return createHash("sha256").update(modules.join("\n")).digest("hex").slice(0, 8);
}
