import {
  chainItems,
  chunkGroup,
  errorLinksAfter,
  firstErrorLinks,
  isPlainGroup,
  unwrapped,
} from "../canvas/canvas-composition.ts";
import { checkCanvasDepth } from "../canvas/canvas-depth.ts";
import { type Marks, stamp } from "../canvas/canvas-stamp.ts";
import type {
  Canvas,
  Chain,
  Chunks,
  Graph,
  GraphNode,
  Group,
  Repeat,
  Signature,
  SignatureOptions,
  Tracking,
  Wait,
  When,
} from "../canvas/canvas.ts";
import { parentsOf } from "../dag/check-parents.ts";
import { linearParts } from "../dag/linear-parts.ts";
import { assertNever, type ErrorCode, FanfoldError } from "../errors.ts";
import { jsonPointer } from "../json-pointer.ts";
import { LIMITS } from "../limits.ts";
import { queueAtSite } from "../names/queue-name.ts";
import { type GroupStep, isGroupStep, type PlanStep, type Strand, type TaskStep } from "./plan.ts";
import { type PartSize, PlanSize } from "./plan-size.ts";
import { countedPolicy } from "./policy.ts";

/**
 * Compiles a canvas into a strand. A signature becomes one step, and a chain the steps of its items in order. A group
 * becomes one step whose members are strands, and a chord a group step followed by the steps of its body. Links and
 * error links become groups beside their step.
 * @throws FanfoldError `invalid_canvas` (an empty chain), `too_deep` (groups nested beyond `LIMITS.groupDepth`) or
 *   `too_many_children` (steps, members, runs) or `payload_too_large`, with `details.field` as pointer into the wire
 *   form. `size` bounds what is stored together. `optionsOf` may add options that depend on where the canvas was made.
 */
export function compileCanvas(
  canvas: Canvas,
  declared: DeclaredTracking = () => undefined,
  size: PlanSize = new PlanSize(),
  optionsOf?: OptionsOf,
  queueOf: QueueOf = () => undefined,
): Strand {
  checkCanvasDepth(canvas);
  return compileStrand(canvas, {
    path: [],
    groupDepth: 0,
    declared,
    size,
    callbacks: new Map(),
    queueOf,
    ...(optionsOf && { optionsOf }),
  });
}
/** Returns the queue that a task has unless its signature names another, if any. */
export type QueueOf = (task: string) => string | undefined;
/** Returns the options of a step, given those of its signature. */
export type OptionsOf = (task: string, options: SignatureOptions) => SignatureOptions;
/** Returns the tracking level that a task declares for groups of it, if any. */
export type DeclaredTracking = (task: string) => Tracking | undefined;
/**
 * Returns the tracking level of a group that names none: the level that the tasks of all members declare, else `lazy`.
 */
export function trackingOf(members: readonly Strand[], declared: DeclaredTracking): Tracking {
  let shared: Tracking | undefined;
  for (const strand of members) {
    const step = strand[0];
    const own = step && strand.length === 1 && !isGroupStep(step) ? declared(step.task) : undefined;
    if (own === undefined || (shared !== undefined && own !== shared)) return "lazy";
    shared = own;
  }
  return shared ?? "lazy";
}

interface Place {
  /** Path of the current node, pushed and popped during the walk. A pointer is built only for an error. */
  readonly path: (string | number)[];
  readonly groupDepth: number;
  readonly declared: DeclaredTracking;
  readonly size: PlanSize;
  /** Strands of callbacks. Many steps may call the same one, and then share its strand. */
  readonly callbacks: Map<Canvas, SharedStrand>;
  readonly optionsOf?: OptionsOf;
  readonly queueOf: QueueOf;
}
interface SharedStrand {
  readonly strand: Strand;
  readonly size: PartSize;
  readonly groupDepth: number;
}

function compileStrand(canvas: Canvas, place: Place): Strand {
  if (canvas.kind === "task") {
    checkDepth(place);
    return [taskStep(canvas, place)];
  }
  const steps: PlanStep[] = [];
  appendSteps(canvas, steps, place);
  return steps;
}

function appendSteps(canvas: Canvas, steps: PlanStep[], place: Place): void {
  checkDepth(place);
  switch (canvas.kind) {
    case "task":
      appendStep(taskStep(canvas, place), steps, place);
      return;
    case "chain":
      appendChain(canvas, steps, place);
      return;
    case "group":
      appendGroup(canvas, steps, place, ["group"]);
      return;
    case "chunks":
      appendGroup(chunked(canvas, place), steps, place, ["chunks"]);
      return;
    case "chord":
      appendGroup(canvas.header, steps, place, headerKeys(canvas.header), firstErrorLinks(canvas.body));
      within(place, ["chord", "body"], () => appendSteps(canvas.body, steps, place));
      return;
    case "when":
    case "repeat":
    case "wait":
      appendStep(engineStep(canvas, deeper(place)), steps, place);
      return;
    case "graph":
      appendStep(graphStep(canvas, deeper(place)), steps, place);
      return;
    default:
      assertNever(canvas);
  }
}
/** Compiles a branch, a loop or a wait into a group that the engine opens in its own way. */
function engineStep(canvas: When | Repeat | Wait, place: Place): GroupStep {
  if (place.groupDepth > LIMITS.groupDepth)
    refuse("too_deep", `groups are nested more than ${LIMITS.groupDepth} levels deep`, place.path);
  const part = (keys: readonly string[], each: Canvas): Strand => within(place, keys, () => compileStrand(each, place));
  const { link = [], linkError = [] } = canvas;
  const common = {
    policy: "allSuccess",
    tracking: "lazy",
    ...callbackGroup("links", link, place, "link"),
    ...callbackGroup("errors", linkError, place, "link_error"),
  } as const;
  switch (canvas.kind) {
    case "when": {
      const first = part(["when", "do"], canvas.do);
      const otherwise = canvas.otherwise && part(["when", "otherwise"], canvas.otherwise);
      return { ...common, members: otherwise ? [first, otherwise] : [first], choose: canvas.condition };
    }
    case "repeat": {
      const body = place.size.repeated(canvas.most, () => part(["repeat", "body"], canvas.body));
      if (body.length * canvas.most > LIMITS.strandSteps) {
        refuse("too_many_children", `more than ${LIMITS.strandSteps} steps would run one after the other`, [
          ...place.path,
          "repeat",
          "most",
        ]);
      }
      return { ...common, members: [body], repeat: { until: canvas.until, most: canvas.most } };
    }
    case "wait": {
      const { of, name, expires } = canvas;
      return { ...common, members: [], wait: { of, name, ...(expires !== undefined && { expires }) } };
    }
    default:
      return assertNever(canvas);
  }
}
/**
 * Compiles a graph into a group whose members are its linear parts. Each part is a chain. The first step of a part that
 * follows several others is given the list of their values, which only a task can take.
 */
function graphStep(graph: Graph, place: Place): GroupStep {
  if (place.groupDepth > LIMITS.groupDepth)
    refuse("too_deep", `groups are nested more than ${LIMITS.groupDepth} levels deep`, place.path);
  const { nodes, link = [], linkError = [], options } = graph;
  const { parts, parents } = linearParts(parentsOf(nodes, [...place.path, "graph"]));
  const members = parts.map((part, k) => {
    const [first] = part as readonly [number];
    const strand = compilePart(graph, part, place);
    if ((parents[k]?.length ?? 0) > 1 && isGroupStep(strand[0] as PlanStep))
      refuse(
        "invalid_canvas",
        `node ${nodes[first]?.id} follows several nodes, so it must begin with a task, which is given the list of their values`,
        [...place.path, "graph", first, "do"],
      );
    return strand;
  });
  const { policy = "allSuccess", ttlSeconds } = options;
  return {
    policy: countedPolicy(policy, members.length),
    tracking: "full",
    members,
    parents,
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...callbackGroup("links", link, place, "link"),
    ...callbackGroup("errors", linkError, place, "link_error"),
  };
}
/** Compiles a linear part of a graph. An error names its node, and not its place in the part. */
function compilePart({ nodes }: Graph, part: readonly number[], place: Place): Strand {
  const items = part.map((at) => atSite(nodes[at] as GraphNode, place));
  const [only, ...others] = items as [Canvas];
  if (others.length === 0) return within(place, ["graph", part[0] as number, "do"], () => compileStrand(only, place));
  const here = jsonPointer(place.path);
  try {
    return within(place, ["graph"], () => compileStrand({ kind: "chain", items }, place));
  } catch (error) {
    if (!(error instanceof FanfoldError) || typeof error.details["field"] !== "string") throw error;
    const [, at, rest = ""] = /^\/graph\/chain\/(\d+)(.*)$/.exec(error.details["field"].slice(here.length)) ?? [];
    if (at === undefined) throw error;
    const field = `${here}/graph/${part[Number(at)]}/do${rest}`;
    throw new FanfoldError(error.code, error.message, { details: { ...error.details, field }, cause: error });
  }
}
/** Returns the canvas of a node, with all its tasks on their queues at the site of the node. */
function atSite({ do: canvas, site }: GraphNode, { queueOf }: Place): Canvas {
  if (site === undefined) return canvas;
  const onSignature = ({ task, options }: Signature | Chunks): Marks => ({
    queue: queueAtSite(options.queue ?? queueOf(task), site),
    stamped_headers: [],
  });
  return stamp(canvas, {}, { onSignature });
}
// Nested chains do not deepen the tree of groups, but they deepen the stack. So the limit is that of the wire form.
function checkDepth(place: Place): void {
  if (place.path.length > LIMITS.jsonDepth)
    refuse("too_deep", `the canvas is nested more than ${LIMITS.jsonDepth} levels deep`, []);
}

/**
 * Appends the steps of a chain. A plain group of one becomes its member. An empty plain group is skipped, unless the
 * chain begins with it.
 */
function appendChain(chain: Chain, steps: PlanStep[], place: Place): void {
  const items = chainItems(chain);
  if (items.length === 0) refuse("invalid_canvas", "a chain must not be empty", [...place.path, "chain"]);
  const before = steps.length;
  const errors = errorLinksAfter(items);
  items.forEach(({ item, path }, index) =>
    within(place, path, () => {
      if (isPlainGroup(item) && item.members.length === 0 && steps.length > before) return;
      if (item.kind === "group") appendGroup(item, steps, place, ["group"], errors[index]);
      else if (item.kind === "chunks") appendGroup(chunked(item, place), steps, place, ["chunks"], errors[index]);
      else appendSteps(item, steps, place);
    }),
  );
}

function chunked(chunks: Chunks, { path }: Place): Group {
  return chunkGroup(chunks, jsonPointer([...path, "chunks"]));
}
/**
 * Returns where the members of a header are in the wire form, which writes a header without options as a bare array.
 */
function headerKeys(header: Group): readonly string[] {
  return Object.keys(header.options).length === 0 ? ["chord", "header"] : ["chord", "header", "group"];
}

/**
 * Appends a group step. `errors` are the error links of the step that would have followed. They are called when the
 * group fails.
 */
function appendGroup(
  group: Group,
  steps: PlanStep[],
  place: Place,
  keys: readonly string[],
  errors: readonly Canvas[] = [],
): void {
  const inside = deeper(place);
  if (inside.groupDepth > LIMITS.groupDepth)
    refuse("too_deep", `groups are nested more than ${LIMITS.groupDepth} levels deep`, place.path);
  const members: Strand[] = [];
  appendMembers(group, members, inside, keys);
  const { policy = "allSuccess", tracking = trackingOf(members, place.declared), ttlSeconds } = group.options;
  appendStep(
    {
      policy: countedPolicy(policy, members.length),
      tracking,
      members,
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...callbackGroup("errors", errors, place, "link_error"),
    },
    steps,
    place,
  );
}
function appendMembers(group: Group, members: Strand[], place: Place, keys: readonly string[]): void {
  checkDepth(place);
  if (members.length + group.members.length > LIMITS.groupMembers) {
    refuse(
      "too_many_children",
      `a group of ${group.members.length} members is given at once; at most ${LIMITS.groupMembers} are allowed`,
      [...place.path, ...keys],
    );
  }
  group.members.forEach((member, index) =>
    within(place, [...keys, index], () => {
      const own = unwrapped(member);
      if (isPlainGroup(own)) appendMembers(own, members, place, ["group"]);
      else members.push(compileStrand(member, place));
    }),
  );
}

function appendStep(step: PlanStep, steps: PlanStep[], place: Place): void {
  if (steps.length >= LIMITS.strandSteps)
    refuse("too_many_children", `more than ${LIMITS.strandSteps} steps run one after the other`, place.path);
  if (isGroupStep(step)) place.size.addStep(step, place.path);
  steps.push(step);
}

function taskStep(signature: Signature, place: Place): TaskStep {
  const { task, args, kwargs, immutable, each, link = [], linkError = [] } = signature;
  const options = place.optionsOf?.(task, signature.options) ?? signature.options;
  // The step is kept small, because big groups consist of these.
  const plain = isEmpty(kwargs) && isEmpty(options) && !immutable && !each;
  const bare: TaskStep = plain
    ? args.length > 0
      ? { task, args }
      : { task }
    : {
        task,
        ...(args.length > 0 && { args }),
        ...(!isEmpty(kwargs) && { kwargs }),
        ...(immutable && { immutable }),
        ...(each && { each }),
        ...(!isEmpty(options) && { options }),
      };
  place.size.addStep(bare, place.path);
  if (link.length + linkError.length === 0) return bare;
  return {
    ...bare,
    ...callbackGroup("links", link, place, "link"),
    ...callbackGroup("errors", linkError, place, "link_error"),
  };
}
function isEmpty(object: object): boolean {
  for (const _name in object) return false;
  return true;
}
/** Returns the group of callbacks beside a step. Callbacks run side by side, and none depends on how another ends. */
function callbackGroup(
  name: "links" | "errors",
  callbacks: readonly Canvas[],
  place: Place,
  key: string,
): { readonly links?: GroupStep; readonly errors?: GroupStep } {
  if (callbacks.length === 0) return {};
  const inside = deeper(place);
  if (inside.groupDepth > LIMITS.groupDepth)
    refuse("too_deep", `links are nested more than ${LIMITS.groupDepth} levels deep`, place.path);
  const members = callbacks.map((callback, index) =>
    within(place, [key, index], () => compileCallback(callback, inside)),
  );
  return { [name]: { policy: "settled", tracking: "lazy", members } };
}
function compileCallback(callback: Canvas, place: Place): Strand {
  const { size, callbacks, groupDepth, path } = place;
  const known = callbacks.get(callback);
  // Deeper than before, its own groups may be too deep, so it is compiled again.
  if (known && groupDepth <= known.groupDepth) {
    size.add(known.size, path);
    return known.strand;
  }
  const [strand, added] = size.measured(() => compileStrand(callback, place));
  callbacks.set(callback, { strand, size: added, groupDepth });
  return strand;
}

const deeper = (place: Place): Place => ({ ...place, groupDepth: place.groupDepth + 1 });
function within<T>(place: Place, keys: readonly (string | number)[], work: () => T): T {
  place.path.push(...keys);
  const result = work();
  place.path.length -= keys.length;
  return result;
}

function refuse(code: ErrorCode, message: string, path: readonly (string | number)[]): never {
  throw new FanfoldError(code, message, { details: { field: jsonPointer(path) } });
}
