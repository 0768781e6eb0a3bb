import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { TaskRegistry, TaskRunner } from "../core/invocation.ts";
import { ENGINE_QUEUE } from "../core/queue-name.ts";
import type { Engine } from "../engine/contract.ts";
import { createEngine } from "../engine/engine.ts";
import { createRegistry, createRunner, createWorkflows, loadTaskModule, type TaskModule, type Workflows } from "../sdk/index.ts";
