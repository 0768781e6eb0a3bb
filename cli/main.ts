#!/usr/bin/env node
import { program } from "./program.ts";
import { runProgram } from "./run-program.ts";
import { endOnUnwritableOutput } from "./terminal.ts";

endOnUnwritableOutput();
await runProgram(program(), process.argv.slice(2));
