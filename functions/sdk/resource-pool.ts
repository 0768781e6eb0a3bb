import { FanfoldError } from "../core/errors.ts";
import { isFanfoldError } from "../core/task/error-data.ts";
import { type SecretSource, variableSecrets } from "./secrets.ts";
import { type AnyResource, requireResource, type Resource, type ResourceContext } from "./resource.ts";

/** Told when a resource could not be closed. */
export type OnCloseFailure = (resource: string, error: unknown) => void;

const OPEN_SECONDS = 60;
const CLOSE_SECONDS = 5;

/**
 * The resources of a process. A resource is opening, then open, then closed:
 *
 *     absent -> opening -> open -> closing -> absent
 *                  |
 *                  v
 *               absent (it failed; the next use opens it again)
 *
 * An opening that is not awaited any more, since it took too long or the pool was closed, is closed when it ends.
 */
export class ResourcePool {
  /** Resources that are opening or open. */
  readonly #openings = new Map<AnyResource, Promise<unknown>>();
  /** Open ones in the order in which they became so: what a resource uses comes before it. */
  #open: { readonly resource: AnyResource; readonly value: unknown }[] = [];
  #holders = 0;

  use(resource: AnyResource, context: ResourceContext): Promise<unknown> {
    const found = this.#openings.get(resource);
    if (found !== undefined) return found;
    const opening: Promise<unknown> = withinSeconds(OPEN_SECONDS, resource, context).then(
      (value) => {
        if (this.#openings.get(resource) !== opening) {
          void closeOne(resource, value, () => undefined);
          throw unavailable(resource, "the process is closing its resources");
        }
        this.#open.push({ resource, value });
        return value;
      },
      (error: unknown) => {
        if (this.#openings.get(resource) === opening) this.#openings.delete(resource);
        // That of a resource that this one uses says more.
        throw isFanfoldError(error) ? error : unavailable(resource, messageOf(error), error);
      },
    );
    this.#openings.set(resource, opening);
    return opening;
  }
  /** Says that an engine of this process uses the pool. The last one that lets go closes all resources. */
  hold(): (onFailure: OnCloseFailure) => Promise<void> {
    this.#holders++;
    let released = false;
    return async (onFailure) => {
      if (released) return;
      released = true;
      if (--this.#holders === 0) await this.close(onFailure);
    };
  }
  /** Closes all resources, the last opened first. Each has 5 seconds. A later use opens anew. */
  async close(onFailure: OnCloseFailure): Promise<void> {
    const open = this.#open.toReversed();
    this.#open = [];
    this.#openings.clear();
    for (const { resource, value } of open) await closeOne(resource, value, onFailure);
  }
}

async function withinSeconds(seconds: number, resource: AnyResource, context: ResourceContext): Promise<unknown> {
  const opened = (async () => resource.open(context))();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLate = false;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new Error(`it did not open within ${seconds} seconds`));
    }, seconds * 1_000);
  });
  opened.then((value) => (isLate ? closeOne(resource, value, () => undefined) : undefined)).catch(() => undefined);
  try {
    return await Promise.race([opened, late]);
  } finally {
    clearTimeout(timer);
  }
}
async function closeOne(resource: AnyResource, value: unknown, onFailure: OnCloseFailure): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`it did not close within ${CLOSE_SECONDS} seconds`);
    timer = setTimeout(() => reject(error), CLOSE_SECONDS * 1_000);
  });
  try {
    await Promise.race([(async () => resource.close?.(value as never))(), late]);
  } catch (error) {
    onFailure(resource.name, error);
  } finally {
    clearTimeout(timer);
  }
}
function unavailable({ name }: AnyResource, message: string, cause?: unknown): FanfoldError {
  return new FanfoldError("resource_unavailable", `${name} cannot be opened: ${message}`, {
    details: { resource: name },
    retryable: true,
    cause,
  });
}
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What stands in for a resource in a test: the resource, and its value. */
export type ResourceFake = readonly [resource: AnyResource, value: unknown];

/** What a runner gives to tasks: secrets, and the resources of a pool or what stands in for them. */
export class Supplies implements ResourceContext {
  readonly pool: ResourcePool;
  readonly secret: SecretSource;
  readonly #fakes: ReadonlyMap<AnyResource, unknown>;

  constructor(pool: ResourcePool, secret: SecretSource, fakes: Iterable<ResourceFake> = []) {
    this.pool = pool;
    this.secret = secret;
    this.#fakes = new Map(fakes);
  }
  readonly use = async <Value>(resource: Resource<Value>): Promise<Value> => this.#use(resource, []) as Promise<Value>;

  async #use(given: AnyResource, above: readonly AnyResource[]): Promise<unknown> {
    const resource = requireResource(given);
    if (this.#fakes.has(resource)) return this.#fakes.get(resource);
    if (above.includes(resource)) {
      const path = [...above.slice(above.indexOf(resource)), resource].map(({ name }) => name).join(" -> ");
      throw new FanfoldError("invalid_request", `resources use each other in a circle: ${path}`);
    }
    const within = [...above, resource];
    const use = <Value>(other: Resource<Value>): Promise<Value> => this.#use(other, within) as Promise<Value>;
    return this.pool.use(resource, { use, secret: this.secret });
  }
}

const POOL = Symbol.for("fanfold.resources");
const shared = globalThis as { [POOL]?: ResourcePool };
/** The resources of this process. One, also where a module of tasks loads another copy of this module. */
export const processPool: ResourcePool = (shared[POOL] ??= new ResourcePool());
export const processSupplies = new Supplies(processPool, variableSecrets());
