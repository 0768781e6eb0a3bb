import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { interruptedCode, onInterrupt } from "./interrupt.ts";
import { reportError } from "./report-error.ts";
import { DEFAULT_DATA, nameTarget } from "./repository.ts";
import { type Target, targetOf, type TargetOptions } from "./target.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** What every command receives beside its arguments. */
export interface Context {
  readonly terminal: Terminal;
  /** Aborts when the user interrupts. */
  readonly interrupted: AbortSignal;
}
export interface CommonOptions extends TargetOptions {
  readonly json: boolean;
  /** Absolute path. */
  readonly data: string;
  /** The server that the call names in place of that of the data folder. */
  readonly target?: Target | undefined;
  /** Absolute path. Absent for the module that fanfold.config.ts names. */
  readonly tasks?: string;
}

const COMMON: ReadonlySet<string> = new Set<keyof CommonOptions>([
  "json",
  "data",
  "tasks",
  "url",
  "profile",
  "region",
  "target",
]);
/** Returns the options of one command, without those that all commands have. */
export function ownOptions<Options extends CommonOptions>(options: Options): Omit<Options, keyof CommonOptions> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !COMMON.has(name))) as never;
}

/** Creates a command with the options that all commands have, and an example below its help. */
export function command(name: string, summary: string, example: string): Command {
  return localCommand(name, summary, example)
    .option("--url <api>", "address of a server or a deployment; FANFOLD_URL names one for all commands")
    .option("--profile <name>", "profile of fanfold.profiles.json, or with --url one of the AWS configuration")
    .option("--region <region>", "sign for this region of AWS (default: that of the address)");
}
/** Creates a command that works on this machine only. */
export function localCommand(
  name: string,
  summary: string,
  example: string,
  own: { readonly data?: string } = {},
): Command {
  const data: [string, (dir: string) => string, string?] =
    own.data === undefined
      ? ["data folder of the engine", resolveHere, resolve(DEFAULT_DATA)]
      : [own.data, resolveHere];
  return plainCommand(name, summary, example)
    .option("--data <dir>", ...data)
    .option("--tasks <module>", "module of tasks and workflows (default: that of fanfold.config.ts)", resolveHere);
}
/** Creates a command that needs no engine. */
export function plainCommand(name: string, summary: string, example: string): Command {
  return new Command(name)
    .description(summary)
    .option("--json", "print JSON on stdout; progress is printed on stderr", false)
    .addHelpText(
      "after",
      `\n${example.includes("\n") ? "Examples" : "Example"}:\n${example.replaceAll(/^/gm, "  $ ")}`,
    );
}

const resolveHere = (path: string): string => resolve(path);

/** Runs a command's work. Its result, or its error, becomes the exit code. */
export function action<Arguments extends unknown[], Options extends { readonly json: boolean } & TargetOptions>(
  work: (context: Context, options: Options, ...args: Arguments) => Promise<number>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const self = given.pop() as Command;
    const options = self.opts<Options>();
    given.pop();
    const context = { terminal: openTerminal(options), interrupted: onInterrupt() };
    try {
      const target = takesTarget(self) ? targetOf(options, self.getOptionValueSource("data") === "cli") : undefined;
      nameTarget(target?.words);
      process.exitCode = await work(context, { ...options, target }, ...(given as Arguments));
    } catch (error) {
      if (context.interrupted.aborted) {
        context.terminal.say("interrupted");
        process.exitCode = interruptedCode(context.interrupted);
      } else process.exitCode = await reportError(error, context.terminal);
    }
  };
}

const takesTarget = (command: Command): boolean => command.options.some(({ long }) => long === "--url");

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
  };
}
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number of seconds above 0.");
}
export function notNegative(text: string): number {
  return text.trim() !== "" && Number(text) === 0 ? 0 : seconds(text);
}
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
