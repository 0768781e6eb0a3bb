import type { Command } from "commander";
import type { LockView } from "../../functions/client/index.ts";
import { action, command, ownOptions, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { withEngine } from "../connect.ts";
import { formatCount, formatDuration, oneLine, table } from "../format.ts";
import { printList, type WatchOptions, withWatch } from "../watch-list.ts";

interface LocksOptions extends CommonOptions, WatchOptions {
  readonly key?: string;
  readonly limit: number;
  readonly cursor?: string;
}
const EXAMPLE = `fanfold locks
fanfold locks --key tenant-7`;

export function locksCommand(): Command {
  return withWatch(command("locks", "List the locks and limits in use: who holds them, and who waits", EXAMPLE))
    .option("--key <key>", "only those with this key")
    .option("--limit <n>", "look at so many keys at most", wholeNumber(1, 100), 50)
    .option("--cursor <cursor>", "continue after an earlier list")
    .action(
      action(async (context: Context, options: LocksOptions) =>
        withEngine(options, "manage", ({ client }) =>
          printList(context, options, async () => {
            const { watch: _watch, ...filter } = ownOptions(options);
            const page = await client.locks(filter);
            const none = page.cursor === undefined ? "no locks in use" : "none so far";
            const more = page.cursor === undefined ? [] : [`more: --cursor ${page.cursor}`];
            const { items } = page;
            return items.length === 0
              ? { json: [page], lines: [], notes: [none, ...more] }
              : { json: [page], lines: lockLines(items, context.terminal.columns(), Date.now()), notes: more };
          }),
        ),
      ),
    );
}

function lockLines(locks: readonly LockView[], width: number, now: number): string[] {
  return table(
    [
      { title: "KEY" },
      { title: "KIND" },
      { title: "IN USE", right: true },
      { title: "WAITING", right: true },
      { title: "HOLDER" },
      { title: "FIRST WAITER" },
    ],
    locks.map((lock) => [
      oneLine(lock.key, 40),
      lock.per === undefined ? lock.kind : `${lock.kind} per ${formatDuration(lock.per)}`,
      useOf(lock),
      lock.waiting === undefined ? "-" : `${formatCount(lock.waiting)}${lock.more ? "+" : ""}`,
      lock.nextAt === undefined
        ? userOf(lock.holders?.[0], now)
        : `next start in ${formatDuration(Math.max(0, lock.nextAt - now) / 1_000)}`,
      userOf(lock.waiters?.[0], now),
    ]),
    width,
  );
}
function useOf({ limit, started, holders = [] }: LockView): string {
  const used = formatCount(started ?? holders.length);
  return limit === undefined ? used : `${used} of ${formatCount(limit)}`;
}
function userOf(user: NonNullable<LockView["holders"]>[number] | undefined, now: number): string {
  if (!user) return "-";
  const mode = user.mode === "read" ? "reader " : "";
  return `${mode}${user.runId} for ${formatDuration(Math.max(0, now - user.since) / 1_000)}`;
}
