/**
 * Hands values from code to its reader, one by one. The code can wait until all of them were taken.
 *
 *     open -> ended (the reader is given what is left) | failed (the reader throws) | closed (the code throws)
 */
export class Handoff<Value> {
  readonly #values: Value[] = [];
  #end: "ended" | { readonly error: unknown } | undefined;
  #closed: { readonly error: unknown } | undefined;
  #reader: (() => void) | undefined;
  #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  put(value: Value): void {
    this.throwIfClosed();
    this.#values.push(value);
    this.wake();
  }
  /** Throws the error that the reader has closed with. */
  throwIfClosed(): void {
    if (this.#closed) throw this.#closed.error;
  }
  get isEmpty(): boolean {
    return this.#values.length === 0;
  }
  /** Resolves once the reader has taken everything. */
  async whenTaken(): Promise<void> {
    this.throwIfClosed();
    if (this.isEmpty) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
  /** Returns the next value, if there is one at hand, or waits for a change of any kind. */
  async take(): Promise<Value | undefined> {
    if (this.isEmpty && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#reader = resolve;
      });
    }
    const value = this.#values.shift();
    if (this.isEmpty) for (const { resolve } of this.#waiting.splice(0)) resolve();
    if (value === undefined && typeof this.#end === "object") throw this.#end.error;
    return value;
  }
  /** Lets the reader look again. */
  wake(): void {
    this.#reader?.();
    this.#reader = undefined;
  }
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }
  /** Says that the code has ended, perhaps by an error. */
  end(end: "ended" | { readonly error: unknown }): void {
    this.#end ??= end;
    this.wake();
  }
  /** Says that the reader takes no more. */
  close(error: unknown): void {
    this.#closed ??= { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
