import { useState } from "preact/hooks";
import type { Json, JsonObject } from "../../functions/client/index.ts";
import { visible, visibleLine } from "../format.ts";
import { Problem } from "../parts/notes.tsx";
import { type Field, fieldsOf } from "./fields.ts";

interface FieldFormProps {
  readonly schema: JsonObject;
  readonly fields: JsonObject;
  /** What the server says of the fields. */
  readonly problem: Error | undefined;
  readonly set: (change: (before: JsonObject) => JsonObject) => void;
  /** Says whether the text of a field cannot be read. */
  readonly setBroken: (name: string, broken: boolean) => void;
}
/** A form of the fields of a workflow. What the server refuses is said at its field. */
export function FieldForm({ schema, fields, problem, set, setBroken }: FieldFormProps) {
  const known = fieldsOf(schema);
  const wrong = fieldOf(problem);
  const place = known.find(({ name }) => name === wrong);
  return (
    <form class="fields" onSubmit={(event) => event.preventDefault()}>
      {known.length === 0 && <p class="quiet">This workflow has no fields.</p>}
      {known.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          value={fields[field.name]}
          problem={field === place ? problem : undefined}
          set={(value) => {
            setBroken(field.name, false);
            set((before) => withField(before, field.name, value));
          }}
          setBroken={() => setBroken(field.name, true)}
        />
      ))}
      {!place && <Problem error={problem} />}
    </form>
  );
}
/** Returns the name of the field that an error of the server is about. */
function fieldOf(error: Error | undefined): string | undefined {
  const { field } = ((error as { details?: { field?: unknown } } | undefined)?.details ?? {}) as { field?: unknown };
  const name = typeof field === "string" ? /^\/fields\/([^/]+)/.exec(field)?.[1] : undefined;
  return name?.replaceAll("~1", "/").replaceAll("~0", "~");
}
function withField(before: JsonObject, name: string, value: Json | undefined): JsonObject {
  const { [name]: _old, ...others } = before;
  return value === undefined ? others : { ...others, [name]: value };
}

interface FieldInputProps {
  readonly field: Field;
  readonly value: Json | undefined;
  readonly problem: Error | undefined;
  readonly set: (value: Json | undefined) => void;
  readonly setBroken: () => void;
}
function FieldInput({ field, value, problem, set, setBroken }: FieldInputProps) {
  const { name, description, required } = field;
  const [said, setSaid] = useState<string>();
  const wrong = said ?? problem?.message;
  const id = `field-${name}`;
  const given = (next: Json | undefined): void => {
    setSaid(undefined);
    set(next);
  };
  const refused = (why: string): void => {
    setSaid(why);
    setBroken();
  };
  return (
    <div class="field">
      <label for={id}>
        <bdi class="strong">{visibleLine(name)}</bdi>
        <span class="quiet">
          {" "}
          {field.kind}
          {required && ", required"}
        </span>
      </label>
      <Input id={id} field={field} value={value} wrong={wrong !== undefined} given={given} refused={refused} />
      {description !== "" && <span class="quiet">{visible(description)}</span>}
      {wrong !== undefined && (
        <span class="bad-text wrap" role="alert" id={`${id}-problem`}>
          {visible(wrong)}
        </span>
      )}
    </div>
  );
}
interface InputProps {
  readonly id: string;
  readonly field: Field;
  readonly value: Json | undefined;
  readonly wrong: boolean;
  readonly given: (value: Json | undefined) => void;
  readonly refused: (why: string) => void;
}
function Input({ id, field: { kind, choices, least, most }, value, wrong, given, refused }: InputProps) {
  const common = { id, "aria-invalid": wrong, ...(wrong && { "aria-describedby": `${id}-problem` }) };
  switch (kind) {
    case "flag":
      return (
        <input
          {...common}
          type="checkbox"
          checked={value === true}
          onChange={(event) => given(event.currentTarget.checked)}
        />
      );
    case "choice":
      return (
        <select
          {...common}
          value={JSON.stringify(value ?? null)}
          onChange={(event) => given(readOr(event.currentTarget.value, undefined))}
        >
          {value === undefined && <option value="null">choose</option>}
          {choices.map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {typeof choice === "string" ? choice : JSON.stringify(choice)}
            </option>
          ))}
        </select>
      );
    case "text":
      return (
        <input
          {...common}
          type="text"
          value={typeof value === "string" ? value : ""}
          onInput={(event) => given(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
        />
      );
    case "number":
    case "integer":
      return (
        <input
          {...common}
          type="text"
          inputMode={kind === "integer" ? "numeric" : "decimal"}
          defaultValue={value === undefined ? "" : JSON.stringify(value)}
          placeholder={rangeOf(least, most)}
          onInput={(event) => readNumber(event.currentTarget.value, given, refused)}
        />
      );
    case "json":
      return (
        <textarea
          {...common}
          rows={3}
          defaultValue={value === undefined ? "" : JSON.stringify(value)}
          onInput={(event) => readJson(event.currentTarget.value, given, refused)}
        />
      );
  }
}
function rangeOf(least: number | undefined, most: number | undefined): string {
  if (least === undefined && most === undefined) return "";
  return `${least ?? ""} .. ${most ?? ""}`;
}
function readNumber(text: string, given: InputProps["given"], refused: InputProps["refused"]): void {
  const value = Number(text);
  if (text.trim() === "") given(undefined);
  else if (Number.isFinite(value) && /^\s*-?\d/.test(text)) given(value);
  else refused("This is no number.");
}
function readJson(text: string, given: InputProps["given"], refused: InputProps["refused"]): void {
  if (text.trim() === "") return given(undefined);
  const value = readOr(text, undefined);
  if (value === undefined) refused("This is no JSON.");
  else given(value);
}
function readOr<T>(text: string, other: T): Json | T {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return other;
  }
}
