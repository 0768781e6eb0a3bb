import { Semaphore } from "../concurrently.ts";
import { PortError } from "../ports.ts";
import type { ExecuteContext } from "./execute-context.ts";

/** Milliseconds between two tries of a write that waits for room. They vary, so that processes do not meet for ever. */
const TRY_EVERY_MS = 1_000;

/**
 * Returns the context for all that happens from the start of user code on. Its writes wait while the store is
 * unwritable. To return the claim instead would run the code again. So the process holds the outcome until it can be
 * kept, or until it ends. A write that is tried again recognises itself, like any other. Tries go one after another,
 * because together they may need more room than there is.
 *
 * Claims do not wait, since a lease counts from the time before its write.
 */
export function patientContext(context: Omit<ExecuteContext, "patient">): ExecuteContext {
  const { store, queue, blobs, clock, ids } = context;
  const tries = new Semaphore(1);
  const patiently = async <T>(write: () => Promise<T>): Promise<T> => {
    for (let again = false; ; again = true) {
      try {
        return await (again ? tries.run(write) : write());
      } catch (error) {
        if (!(error instanceof PortError) || error.kind !== "unwritable") throw error;
        await clock.pause(TRY_EVERY_MS * (0.5 + ids.random()));
      }
    }
  };
  const patient: ExecuteContext = {
    ...context,
    get patient() {
      return patient;
    },
    store: {
      get: (...given) => store.get(...given),
      getMany: (...given) => store.getMany(...given),
      query: (...given) => store.query(...given),
      queryIndex: (...given) => store.queryIndex(...given),
      write: (op) => patiently(() => store.write(op)),
      writeMany: (ops) => patiently(() => store.writeMany(ops)),
    },
    queue: {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name) => queue.depth(name),
      send: (messages) => patiently(() => queue.send(messages)),
    },
    blobs: {
      get: (name) => blobs.get(name),
      put: (name, content) => patiently(() => blobs.put(name, content)),
      // Content that comes as a stream comes once, so its failure is told to who puts it.
      store: (...given) => blobs.store(...given),
      keep: (...given) => patiently(() => blobs.keep(...given)),
      open: (sha256) => blobs.open(sha256),
    },
  };
  return patient;
}
