import { BacklogWatch } from "./backlog-watch.ts";
import type { Processes } from "./processes.ts";
import type { Simulation } from "./simulation.ts";
import type { Message } from "./sim-queue.ts";
import type { SimWorker } from "./worker-loop.ts";

const isNew = ({ receives }: Message): boolean => receives === 0;

/** Delivers messages to workers, or loses them. Those that were received too often are given up. */
export class Deliveries {
  readonly #sim: Simulation;
  readonly #processes: Processes;

  constructor(simulation: Simulation, processes: Processes) {
    this.#sim = simulation;
    this.#processes = processes;
    if (simulation.world.faults.backlog) new BacklogWatch(simulation);
    simulation.world.store.watch(({ before, after }) => {
      if (!before && after?.key.partition === "DL") simulation.scheduler.count("deadLetters");
    });
  }
  /** Delivers one message, or with `any` one that may still be invisible. */
  deliver(any: boolean): void {
    const { random, scheduler, world } = this.#sim;
    const messages = any ? world.queue.messages : world.queue.visible(scheduler.now);
    if (messages.length === 0) return;
    // A receive waits a while for more.
    if (!any && world.solos.active && messages.filter(isNew).length < 5 && random.chance(0.8)) return;
    const message = random.pick(messages);
    if (message.receives >= world.maxReceives) return this.#giveUp(message);
    const workers = this.#processes.workers.filter((worker) => !worker.process.frozen && worker.handling < 4);
    if (workers.length === 0) return;
    const worker = random.pick(workers);
    if (message.visibleAt > scheduler.now) scheduler.count("duplicates");
    worker.deliver(message);
    // The queue delivers both copies at once.
    if (any && random.chance(0.3)) worker.deliver(message);
    if (!any && random.chance(world.solos.active ? 0.9 : 0.3)) this.#deliverMore(worker);
  }
  /** Delivers more messages of a receive: the process has them all before it goes on with the first. */
  #deliverMore(worker: SimWorker): void {
    const { random, scheduler, world } = this.#sim;
    while (worker.handling < world.solos.mostMessages) {
      const rest = world.queue.visible(scheduler.now).filter(({ receives }) => receives < world.maxReceives);
      if (rest.length === 0) return;
      const fresh = world.solos.active ? rest.filter(isNew) : [];
      worker.deliver(random.pick(fresh.length > 0 ? fresh : rest));
      if (random.chance(world.solos.active ? 0.1 : 0.3)) return;
    }
  }
  #giveUp(message: Message): void {
    this.#sim.scheduler.count("givenUp");
    this.#processes.undertaker()?.deliver(message);
  }

  /** Loses a message. */
  lose(): void {
    const { random, scheduler, world } = this.#sim;
    const { messages } = world.queue;
    if (messages.length === 0) return;
    const message = random.pick(messages);
    scheduler.count("lostMessages");
    scheduler.note(() => `#${message.id} is lost: ${JSON.stringify(message.body)}`);
    world.queue.lose(message.id);
  }

  /** Starts a process that sends dead letters again. */
  redrive(): void {
    this.#sim.scheduler.count("redrives");
    this.#processes.background("redriver", (engine) => engine.redriveDeadLetters({}));
  }
  /** In the calm the letters are sent again whose runs have not ended. */
  calmly(): void {
    if (this.redrivable() && !this.#processes.active("redriver")) this.redrive();
  }
  /** Returns whether there is a dead letter whose message can be handled. */
  redrivable(): boolean {
    for (const { key, attributes } of this.#sim.world.store.items())
      if (key.partition === "DL" && attributes["reason"] !== "run_broken") return true;
    return false;
  }
}
