import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { Settings } from "../../functions/sdk/config.ts";
import { parkedSitesOf, queuesOf } from "../../functions/sdk/queue-settings.ts";
import {
  type Bundle,
  bundleHandler,
  describeTasks,
  type HandlerName,
  type Registry,
  type SiteTasks,
  tasksModuleOf,
  together,
} from "../bundling.ts";
import { installPackages, LAMBDA, type Machine } from "../packages.ts";

/** Bundles the code of a deployment's functions. Functions with the same code share a bundle. */
export class FunctionCode {
  private readonly outDir: string;
  private readonly sites: readonly SiteTasks[];
  private readonly bundles = new Map<string, Bundle>();
  private readonly installed = new Set<string>();
  private readonly queues: readonly string[];
  private readonly schedules: Settings["schedules"];
  private readonly parkedSites: readonly string[];
  private readonly machine: Machine;
  private registry: Registry | undefined;

  /**
   * Finds tasks modules from `root` (default: the working folder). Leaves bundles and source maps in `outDir` (default:
   * a temporary folder). Packages are installed for `machine` (default: Lambda's).
   */
  constructor(
    settings: Settings,
    options: { readonly root?: string; readonly outDir?: string; readonly machine?: Machine } = {},
  ) {
    const { root = process.cwd(), outDir = mkdtempSync(join(tmpdir(), "fanfold-code-")), machine = LAMBDA } = options;
    this.outDir = outDir;
    this.machine = machine;
    this.queues = queuesOf(settings);
    this.schedules = settings.schedules;
    this.parkedSites = parkedSitesOf(settings);
    // The default site comes first, because tasks that name no site belong to it.
    const sites = settings.sites.toSorted(
      (a, b) => Number(b.name === settings.site) - Number(a.name === settings.site),
    );
    this.sites = sites.map(({ name, tasks, nodeModules, external }) => ({
      site: name,
      tasksModule: tasksModuleOf(tasks ?? settings.tasks, root),
      unbundled: { nodeModules, external },
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
    const unbundled = together(included);
    const content = [...tasksModules, ...unbundled.nodeModules, "", ...unbundled.external];
    const outDir = join(this.outDir, tasksModules.length === 0 ? handler : `${handler}-${shortOf(content)}`);
    const bundle =
      this.bundles.get(outDir) ??
      bundleHandler({
        handler,
        tasksModules,
        registry: this.described(),
        schedules: this.schedules,
        parkedSites: this.parkedSites,
        outDir,
        unbundled,
        ...this.install(unbundled.nodeModules, tasksModules),
      });
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
  /** Returns the tasks of the deployment, with the queue of each. */
  tasks(): Registry["tasks"] {
    return this.described().tasks;
  }
  private described(): Registry {
    return (this.registry ??= describeTasks(this.sites, this.queues, this.schedules));
  }
  /** Installs packages in a folder that functions copy. */
  private install(names: readonly string[], [module]: readonly string[]): { readonly packages?: string } {
    if (names.length === 0 || module === undefined) return {};
    const packages = join(this.outDir, `packages-${shortOf(names)}`);
    if (!this.installed.has(packages)) installPackages(names, module, packages, this.machine);
    this.installed.add(packages);
    return { packages };
  }
}

function shortOf(modules: readonly string[]): string {
  return createHash("sha256").update(modules.join("\n")).digest("hex").slice(0, 8);
}
