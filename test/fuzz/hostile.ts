import type { Random } from "../sim/random.ts";
import { fromDocument } from "./document.ts";
import { IDS, METHODS, CONTENT_TYPES, QUERIES, VALUES, HEADERS, WIRES } from "./hostile-parts.ts";
import type { FuzzRequest, World } from "./request.ts";

/** The grammar of hostile requests: a request of the document, with one to three things wrong. */
type Fault = (random: Random, request: FuzzRequest) => FuzzRequest;
const replaceHeader = (request: FuzzRequest, name: string, value: string): FuzzRequest => ({
  ...request,
  headers: [...request.headers.filter(([given]) => given.toLowerCase() !== name.toLowerCase()), [name, value]],
});
const withBody = (request: FuzzRequest, body: Buffer | string): FuzzRequest => ({
  ...request,
  body: Buffer.from(body),
});

const FAULTS: readonly Fault[] = [
  (random, request) => ({ ...request, method: random.pick(METHODS) }),
  (random, request) => {
    const [path = "", query] = request.target.split("?");
    const parts = path.split("/");
    parts[1 + random.int(parts.length - 1)] = random.pick(IDS);
    return { ...request, target: parts.join("/") + (query === undefined ? "" : `?${query}`) };
  },
  (random, request) => ({
    ...request,
    target: random.pick([
      `/${request.target}`,
      `${request.target}/`,
      request.target.toUpperCase(),
      `/..${request.target}`,
      `${request.target}#x`,
    ]),
  }),
  (random, request) => ({
    ...request,
    target: `${request.target}${request.target.includes("?") ? "&" : "?"}${random.pick(QUERIES)}`,
  }),
  (random, request) => replaceHeader(request, "Content-Type", random.pick(CONTENT_TYPES)),
  (random, request) => replaceHeader(request, ...random.pick(HEADERS)),
  (random, request) => ({ ...request, headers: [...request.headers, random.pick(HEADERS), random.pick(HEADERS)] }),
  (random, request) => withBody(request, random.pick(VALUES)),
  replaceValue,
  replaceValue,
  (random, request) =>
    withBody(request, (request.body ?? Buffer.from("{}")).subarray(0, random.int(request.body?.byteLength ?? 2))),
  (random, request) =>
    withBody(
      request,
      Buffer.concat([
        request.body ?? Buffer.from("{}"),
        Buffer.from(random.pick(["x", "{}", "\u0000", ",", "\n\n\n{", "//"])),
      ]),
    ),
  (random, request) =>
    withBody(
      request,
      random.pick([
        Buffer.from("\ufeff{}"),
        Buffer.from("{}", "utf16le"),
        Buffer.from([0xff, 0xfe, 0x7b]),
        Buffer.from([0xc3, 0x28]),
        Buffer.from([0x1f, 0x8b, 8, 0]),
        Buffer.alloc(0),
        Buffer.from(" \n\t "),
        Buffer.from("\n".repeat(5_000)),
        Buffer.from("1\n".repeat(4_100)),
      ]),
    ),
  (random, request) => ({
    ...request,
    body: request.body ?? Buffer.from("{}"),
    framing: random.pick(["chunked", "chunked", "cut"]),
  }),
];

/** Puts a hostile value in the place of some value of the body, or adds a member beside it. */
function replaceValue(random: Random, request: FuzzRequest): FuzzRequest {
  const text = request.body?.toString("utf8") ?? '{"canvas":{"task":"noop"}}';
  const values = [...text.matchAll(/"[^"]*"(?!:)|-?\d+(?:\.\d+)?|true|false|null|\{\}|\[\]/g)];
  const keys = [...text.matchAll(/\{"/g)];
  const value = random.pick(VALUES);
  if (keys.length > 0 && (values.length === 0 || random.chance(0.3))) {
    const at = (random.pick(keys).index ?? 0) + 1;
    const name = random.pick([
      "value",
      "x",
      "__proto__",
      "constructor",
      "options",
      "v",
      "link",
      "stamped_headers",
      "\\ud800",
      "",
    ]);
    return withBody(request, `${text.slice(0, at)}"${name}":${value},${text.slice(at)}`);
  }
  if (values.length === 0) return withBody(request, value);
  const found = random.pick(values);
  return withBody(request, text.slice(0, found.index) + value + text.slice(found.index + found[0].length));
}

export function hostile(random: Random, world: World): FuzzRequest {
  if (random.chance(0.08)) return { method: "", target: "", headers: [], wire: random.pick(WIRES) };
  let request = fromDocument(random, world);
  for (let faults = 1 + random.int(3); faults > 0; faults--) request = random.pick(FAULTS)(random, request);
  return request;
}
