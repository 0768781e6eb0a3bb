import { type Random } from "../sim/random.ts";
import { several } from "./request.ts";

export type Schema = { readonly [key: string]: unknown };
/** Values that a property of this name should mostly have, so that a sample means something to the server. */
export type Hints = { readonly [property: string]: readonly unknown[] };

const WORDS = ["", "a", "go", "team:1", "ä", "\u{1f600}", "0", "x".repeat(40), "a/b", "__proto__", "null"];
const DEEPEST = 5;

/** Samples values of a JSON Schema, as the OpenAPI document uses it. */
export class SchemaSampler {
  readonly #named: { readonly [name: string]: Schema };
  readonly #hints: Hints;

  constructor(named: { readonly [name: string]: Schema }, hints: Hints) {
    this.#named = named;
    this.#hints = hints;
  }

  sample(random: Random, schema: Schema, depth = 0): unknown {
    const { $ref, const: fixed, enum: values } = schema;
    const choices = (schema["anyOf"] ?? schema["oneOf"]) as readonly Schema[] | undefined;
    if (typeof $ref === "string") return this.sample(random, this.#named[$ref.split("/").at(-1) ?? ""] ?? {}, depth);
    if (fixed !== undefined) return fixed;
    if (Array.isArray(values)) return random.pick(values as unknown[]);
    // Deep down the first choice is the plainest.
    if (choices)
      return this.sample(random, depth >= DEEPEST ? (choices[0] as Schema) : random.pick(choices), depth + 1);
    switch (schema["type"]) {
      case "object":
        return this.#object(random, schema, depth);
      case "array":
        return this.#array(random, schema, depth);
      case "integer":
        return this.#number(random, schema);
      case "number":
        return random.chance(0.5) ? this.#number(random, schema) : this.#number(random, schema) + 0.5;
      case "boolean":
        return random.chance(0.5);
      case "string":
        return this.#text(random, schema);
      default:
        return anyJson(random, depth);
    }
  }

  #object(random: Random, schema: Schema, depth: number): unknown {
    const properties = (schema["properties"] ?? {}) as { readonly [name: string]: Schema };
    const required = (schema["required"] ?? []) as readonly string[];
    const object: { [name: string]: unknown } = {};
    for (const [name, property] of Object.entries(properties)) {
      if (!required.includes(name) && !random.chance(depth >= DEEPEST ? 0.05 : 0.25)) continue;
      const hints = this.#hints[name];
      object[name] = hints && random.chance(0.8) ? random.pick(hints) : this.sample(random, property, depth + 1);
    }
    const more = schema["additionalProperties"];
    if (typeof more === "object" && more !== null)
      for (const name of several(random, 2, () => random.pick(["team", "order", "k"])))
        object[name] = this.sample(random, more as Schema, depth + 1);
    return object;
  }
  #array(random: Random, schema: Schema, depth: number): unknown[] {
    const least = (schema["minItems"] as number | undefined) ?? 0;
    const count = least + (depth >= DEEPEST ? 0 : random.int(3));
    return Array.from({ length: count }, () => this.sample(random, (schema["items"] ?? {}) as Schema, depth + 1));
  }
  #number(random: Random, { minimum, maximum, exclusiveMinimum }: Schema): number {
    const least = (minimum as number | undefined) ?? ((exclusiveMinimum as number | undefined) ?? -1) + 1;
    const most = Math.min((maximum as number | undefined) ?? Number.MAX_SAFE_INTEGER, 1e9);
    return random.chance(0.9) ? Math.min(most, least + random.int(4)) : random.pick([least, most]);
  }
  #text(random: Random, { minLength, maxLength }: Schema): string {
    const most = (maxLength as number | undefined) ?? 100;
    const text = random.chance(0.05) ? "y".repeat(Math.min(most, 5_000)) : random.pick(WORDS);
    return text.padEnd((minLength as number | undefined) ?? 0, "p").slice(0, most);
  }
}

function anyJson(random: Random, depth = 0): unknown {
  const kind = random.int(depth >= DEEPEST ? 5 : 7);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.pick([0, -1, 1.5, 3, 1e21, Number.MAX_SAFE_INTEGER]);
  if (kind <= 4) return random.pick(WORDS);
  if (kind === 5) return several(random, 3, () => anyJson(random, depth + 1));
  return Object.fromEntries(several(random, 3, () => [random.pick(WORDS.slice(1, 6)), anyJson(random, depth + 1)]));
}
