import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "../embedded/until.ts";
import { READ_SOURCES } from "../read-sources.ts";

const SHIPPED = fileURLToPath(new URL("../shipped-tasks.ts", import.meta.url));
const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

export interface DemoOptions {
  readonly folder: string;
  readonly dataFolder: string;
  /** Module of tasks. Default: the shipped tasks. */
  readonly tasks?: string;
  readonly env?: { readonly [name: string]: string };
}
export interface DemoEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface DemoProcess {
  readonly ended: Promise<DemoEnd>;
  /** Kills the command and all its processes with SIGKILL, and waits until none is alive. Returns their number. */
  kill(): Promise<number>;
}

/** Starts `npm run demo -- FOLDER --json --data DATA` in a process group of its own. */
export function startDemo({ folder, dataFolder, tasks = SHIPPED, env }: DemoOptions): DemoProcess {
  const args = [...READ_SOURCES, MAIN, "demo", folder, "--json", "--data", dataFolder, "--tasks", tasks];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const killGroup = (): void => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch {
      // No process is left in the group.
    }
  };
  process.once("exit", killGroup);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (output.stdout += data.toString("utf8")));
  child.stderr.on("data", (data: Buffer) => (output.stderr += data.toString("utf8")));
  // The workers hold the pipes as well, so only the end of the command itself counts.
  const ended = new Promise<DemoEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      process.off("exit", killGroup);
      resolve({ code, signal, ...output });
    });
  });
  return {
    ended,
    kill: async () => {
      const group = child.pid as number;
      const members = livingMembers(group).length;
      killGroup();
      await ended;
      await until(`the processes of group ${group} are dead`, () => livingMembers(group).length === 0);
      return members;
    },
  };
}

/** Lists the processes of a group. A dead process that no parent has waited for is left out. */
function livingMembers(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // The format is "pid (command) state parent group ...". The command may contain spaces and brackets.
        const [state, , memberOf] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return Number(memberOf) === group && state !== "Z" && state !== "X";
      } catch {
        return false;
      }
    });
}
