import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { assertNever } from "../core/errors.ts";
import type { Attribute, Change, Condition } from "../core/items/item.ts";
import { PARTITION_ATTRIBUTE } from "../core/items/table-definitions.ts";
import { encodeAttribute } from "./item-codec.ts";

/**
 * The parts of a request that say what is written, and under which condition. Empty parts are absent, because DynamoDB
 * refuses them.
 */
export interface WriteExpressions extends Compiled {
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>;
}
interface Compiled {
  readonly UpdateExpression?: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Record<string, string>;
}

/**
 * Returns `change` and `when` as DynamoDB expressions. Every name is a placeholder, because DynamoDB reserves hundreds
 * of words. Every value is one too.
 *
 * One walk writes a template and collects the values in order. In the template, a name stands between two control
 * characters, and one control character stands for each value. The engine writes in a few dozen shapes, so templates
 * are compiled once and kept.
 */
export function compileWrite(change: Change | undefined, when: Condition | undefined): WriteExpressions {
  const values: Attribute[] = [];
  const update = change === undefined ? "" : changeTemplate(change, values);
  const template = update + CONDITION + (when === undefined ? "" : conditionTemplate(unwrapped(when), values));
  let compiled = COMPILED.get(template);
  if (compiled === undefined) {
    if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
    COMPILED.set(template, (compiled = compile(template)));
  }
  if (values.length === 0) return compiled;
  const ExpressionAttributeValues: Record<string, AttributeValue> = {};
  for (const [k, value] of values.entries()) ExpressionAttributeValues[`:${k}`] = encodeAttribute(value);
  return { ...compiled, ExpressionAttributeValues };
}

/** No attribute name contains these control characters. */
const NAME = "\u0001";
const VALUE = "\u0002";
const CONDITION = "\u0003";
const TOKENS = new RegExp(`${NAME}([^${NAME}]*)${NAME}|${VALUE}`, "g");
const COMPILED = new Map<string, Compiled>();
/** Templates to keep. Each name of a user counter makes another template. */
const MOST_COMPILED = 2_000;

function compile(template: string): Compiled {
  const placeholders = new Map<string, string>();
  let values = 0;
  const [update, condition] = template
    .replace(TOKENS, (token: string, name: string) => {
      if (token === VALUE) return `:${values++}`;
      if (!placeholders.has(name)) placeholders.set(name, `#${placeholders.size}`);
      return placeholders.get(name) as string;
    })
    .split(CONDITION);
  return {
    ...(update && { UpdateExpression: update.trimEnd() }),
    ...(condition && { ConditionExpression: condition }),
    ...(placeholders.size > 0 && {
      ExpressionAttributeNames: Object.fromEntries([...placeholders].map(([name, placeholder]) => [placeholder, name])),
    }),
  };
}

function named(name: string): string {
  return NAME + name + NAME;
}

function changeTemplate(change: Change, values: Attribute[]): string {
  let set = "";
  for (const name in change.set) {
    const value = change.set[name];
    if (value === undefined) continue;
    values.push(value);
    set += `${set && ", "}${named(name)} = ${VALUE}`;
  }
  for (const name in change.setOnce) {
    const value = change.setOnce[name];
    if (value === undefined) continue;
    values.push(value);
    set += `${set && ", "}${named(name)} = if_not_exists(${named(name)}, ${VALUE})`;
  }
  const add = operands(change.add, values);
  const take = operands(change.take, values);
  let remove = "";
  for (const name of change.remove ?? []) remove += (remove && ", ") + named(name);
  return `${clause("SET", set)}${clause("ADD", add)}${clause("DELETE", take)}${clause("REMOVE", remove)}`;
}
/** Leaves out empty sets, because DynamoDB refuses them and they would change nothing. */
function operands(clause: Change["add"], values: Attribute[]): string {
  let text = "";
  for (const name in clause) {
    const value = clause[name] as Attribute;
    if (value instanceof Set && value.size === 0) continue;
    values.push(value);
    text += `${text && ", "}${named(name)} ${VALUE}`;
  }
  return text;
}
function clause(keyword: string, text: string): string {
  return text && `${keyword} ${text} `;
}

/**
 * Writes a condition as a template. NOT binds strongest and OR weakest. DynamoDB refuses redundant parentheses, so they
 * stand only where they change the meaning.
 */
function conditionTemplate(condition: Condition, values: Attribute[]): string {
  switch (condition.op) {
    case "absent":
      return `attribute_not_exists(${named(condition.attribute ?? PARTITION_ATTRIBUTE)})`;
    case "present":
      return `attribute_exists(${named(condition.attribute ?? PARTITION_ATTRIBUTE)})`;
    case "eq":
      values.push(condition.value);
      return `${named(condition.attribute)} = ${VALUE}`;
    case "lt":
      values.push(condition.value);
      return `${named(condition.attribute)} < ${VALUE}`;
    case "in":
      values.push(...condition.values);
      return `${named(condition.attribute)} IN (${condition.values.map(() => VALUE).join(", ")})`;
    case "contains":
      values.push(condition.value);
      return `contains(${named(condition.attribute)}, ${VALUE})`;
    case "not": {
      const of = unwrapped(condition.of);
      const text = conditionTemplate(of, values);
      return of.op === "and" || of.op === "or" || of.op === "not" ? `NOT (${text})` : `NOT ${text}`;
    }
    case "and":
      return joined(condition.of, " AND ", values);
    case "or":
      return joined(condition.of, " OR ", values);
    default:
      return assertNever(condition);
  }
}
function joined(conditions: readonly Condition[], operator: " AND " | " OR ", values: Attribute[]): string {
  let text = "";
  for (const each of conditions) {
    const condition = unwrapped(each);
    const part = conditionTemplate(condition, values);
    text += (text && operator) + (operator === " AND " && condition.op === "or" ? `(${part})` : part);
  }
  return text;
}
/** Returns the inner condition of an `and` or an `or` that has only one. */
function unwrapped(condition: Condition): Condition {
  return (condition.op === "and" || condition.op === "or") && condition.of.length === 1
    ? unwrapped(condition.of[0] as Condition)
    : condition;
}
