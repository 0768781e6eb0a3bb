import type { SignatureOptions } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import { parseQueueName, type QueueDefaults } from "../../core/names/queue-name.ts";
import type { OptionsOf } from "../../core/plan/compile.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";
import { queueOf } from "./step-placement.ts";

/**
 * Returns the function that lets steps keep the site, the queue and the priority of the run that spawns them, where
 * neither their signatures nor their tasks name others. A queue that is named without a site is that of the site of the
 * run, if that site has it. Options stay as they are where they lead to the same place, so most plans do not grow.
 */
export function keptPlace(context: Context, parent: TaskStep): OptionsOf {
  const queue = queueOf(context, parent);
  const priority = parent.options?.priority;
  const queues = new Map<string | undefined, string>();
  const added = new Map<string, SignatureOptions>();
  const queueFor = (asked: string | undefined): string => {
    const known = queues.get(asked) ?? nearestQueue(context, queue, asked);
    queues.set(asked, known);
    return known;
  };
  return (task, options) => {
    const asked = options.queue ?? context.registry.info(task)?.queue;
    const wanted = queueFor(asked);
    const addsQueue = wanted !== context.queueNames.of(asked);
    const addsPriority = options.priority === undefined && priority !== undefined;
    if (!addsQueue && !addsPriority) return options;
    const adds = `${addsQueue ? wanted : ""} ${addsPriority ? priority : ""}`;
    const place = added.get(adds) ?? { ...(addsQueue && { queue: wanted }), ...(addsPriority && { priority }) };
    added.set(adds, place);
    return Object.keys(options).length === 0 ? place : { ...options, ...place };
  };
}

/** Returns the queue that a step asks for, as near to the queue of its parent as there is one. */
function nearestQueue(context: Context, parent: string, asked: string | undefined): string {
  if (asked === undefined) return parent;
  const { site, queue } = parseQueueName(parent, { site: context.config.site });
  const near = queueIn(context, asked, { site, queue }) ?? queueIn(context, asked, { site });
  return near ?? context.queueNames.of(asked);
}
/** Returns the full name of a queue, or undefined when there is none of that name. */
function queueIn({ config: { queues } }: Context, asked: string, defaults: QueueDefaults): string | undefined {
  try {
    const name = parseQueueName(asked, defaults);
    const text = `${name.site}.${name.queue}#${name.function}`;
    return queues === undefined || queues.includes(text) ? text : undefined;
  } catch (error) {
    // The parts do not fit together, such as a function that only the default queue has.
    if (error instanceof FanfoldError) return undefined;
    throw error;
  }
}
