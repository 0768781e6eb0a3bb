import type { Command } from "commander";
import type { JobGraph } from "../../functions/client/index.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { oneLine, table } from "../format.ts";
import { longId } from "../short-id.ts";

interface GraphOptions extends CommonOptions {
  readonly dot: boolean;
}
export function graphCommand(): Command {
  return command(
    "graph",
    "Show the runs and groups of a job; big groups are folded",
    "fanfold graph 01JD2Y8ZK5W0E3T7Q9M4R6X8AB --dot | dot -Tsvg > job.svg",
  )
    .argument("<id>", "id of the job")
    .option("--dot", "print it in the language of Graphviz", false)
    .action(
      action(async ({ terminal }: Context, { dot, ...options }: GraphOptions, given: string) => {
        return withEngine(options, "manage", async ({ client }) => {
          const id = await longId(client, given);
          if (dot) await terminal.print(await client.graphDot(id));
          else if (terminal.json) await terminal.printJson(await client.graph(id));
          else await terminal.print(`${graphLines(await client.graph(id), terminal.columns()).join("\n")}\n`);
          return EXIT.success;
        });
      }),
    );
}

const CALLED: { readonly [kind in JobGraph["edges"][number]["kind"]]?: string } = {
  link: " (link)",
  linkError: " (link error)",
};
/** Lists the nodes, each with the nodes before it. */
function graphLines(graph: JobGraph, width: number): string[] {
  const before = new Map<string, string[]>();
  for (const { from, to, kind } of graph.edges)
    before.set(to, [...(before.get(to) ?? []), `${from}${CALLED[kind] ?? ""}`]);
  return table(
    [{ title: "NODE" }, { title: "STATUS" }, { title: "WHAT" }, { title: "AFTER" }],
    graph.nodes.map((node) => [
      oneLine(node.id, 60),
      node.status,
      `${oneLine(node.count === undefined ? node.label : `${node.label} x ${node.count}`, 60)}${node.round === undefined ? "" : ` (round ${node.round})`}`,
      oneLine((before.get(node.id) ?? []).join(", "), 80),
    ]),
    width,
  );
}
