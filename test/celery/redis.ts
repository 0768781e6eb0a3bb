import { connect, type Socket } from "node:net";

/**
 * Returns a minimal Redis client for the tasks. It sends one command after the other on one connection, which does not
 * keep the process alive.
 */
export function redisClient(port: number): (...command: readonly string[]) => Promise<void> {
  let socket: Socket | undefined;
  const waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const open = (): Socket => {
    const opened = connect(port, "127.0.0.1");
    let text = "";
    opened.on("data", (data) => {
      text += data.toString("latin1");
      // The commands in use return either a number (`:1`) or an error (`-ERR ..`).
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const answer = text.slice(0, end);
        text = text.slice(end + 2);
        if (answer.startsWith("-")) waiting.shift()?.reject(new Error(answer));
        else waiting.shift()?.resolve();
      }
    });
    const lost = (error?: Error): void => {
      socket = undefined;
      for (const each of waiting.splice(0)) each.reject(error ?? new Error("the connection to Redis was closed"));
    };
    opened.on("error", lost).on("close", () => lost());
    return opened.unref();
  };
  return (...command) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("");
      (socket ??= open()).ref().write(`*${command.length}\r\n${words}`, () => socket?.unref());
    });
}
