import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../engine/ports.ts";

/** Reads the clock of this machine. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  async pause(milliseconds: number): Promise<void> {
    await pause(milliseconds);
  }
}
