import { program } from "./program.ts";
import { runProgram } from "./run-program.ts";
import { endQuietlyOnClosedPipe } from "./terminal.ts";

endQuietlyOnClosedPipe();
await runProgram(program(), process.argv.slice(2));
