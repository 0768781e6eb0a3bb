import { CommanderError, type Command } from "commander";
import { EXIT } from "./exit-codes.ts";

/**
 * Parses the arguments and runs the command. A wrong call ends with exit code 2, and with --json prints a document on
 * stdout like any other error.
 */
export async function runProgram(root: Command, args: readonly string[]): Promise<void> {
  for (const each of [root, ...root.commands]) each.exitOverride();
  try {
    await root.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 || error.code === "commander.help" ? EXIT.success : EXIT.usage;
    if (process.exitCode === EXIT.usage && args.includes("--json")) {
      process.stdout.write(
        `${JSON.stringify({ error: { code: "invalid_request", message: error.message.replace(/^error: /, "") } })}\n`,
      );
    }
  }
}
