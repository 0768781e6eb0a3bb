import * as z from "zod";
import type { BodySpec, Reply, Route } from "./route.ts";
import { components, documentation, problem } from "./schemas.ts";

type Doc = { [key: string]: unknown };
const REF = (id: string) => `#/components/schemas/${id}`;

/** Returns the OpenAPI 3.1 document of the route table. */
export function openApiDocument(routes: readonly Route[], version: string): Doc {
  const paths: { [path: string]: Doc } = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "Fanfold",
      version,
      description:
        "Fans work out and folds the results back in. Errors are problem details (RFC 9457) with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "Of server.json in the data folder" } },
      responses: {
        Problem: {
          description: "What is wrong",
          content: { "application/problem+json": { schema: schemaOf(problem) } },
        },
      },
    },
  };
}

function componentSchemas(): Doc {
  const { schemas } = z.toJSONSchema(components, { uri: REF, io: "input" });
  // The key in the document replaces the id.
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _id, ...schema }]) => [id, schema]),
  );
}

/** Returns a reference to a named schema, and any other schema in full. */
function schemaOf(schema: z.ZodType): Doc {
  const id = components.get(schema)?.id;
  if (id !== undefined) return { $ref: REF(id) };
  const json = z.toJSONSchema(schema, {
    io: "input",
    override({ zodSchema, jsonSchema }) {
      const inner = zodSchema as unknown as z.ZodType;
      const named = components.get(inner)?.id;
      const written = named === undefined ? documentation.get(inner)?.schema : { $ref: REF(named) };
      if (written === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, written);
    },
  });
  const { $schema: _dialect, $defs: _definitions, ...rest } = json;
  return rest;
}

function operationOf(route: Route): Doc {
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(route.open && { security: [] }),
    parameters: [
      ...parametersOf(route.params, "path"),
      ...parametersOf(route.query, "query"),
      ...(route.idempotent
        ? [
            {
              name: "Idempotency-Key",
              in: "header",
              required: false,
              schema: { type: "string", minLength: 1, maxLength: 255 },
            },
          ]
        : []),
    ],
    ...(route.body && {
      requestBody: { required: !(route.body.kind === "json" && route.body.optional), content: bodyContent(route.body) },
    }),
    responses: {
      ...Object.fromEntries(Object.entries(route.replies).map(([status, reply]) => [status, replyOf(reply)])),
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

function parametersOf(schema: z.ZodObject, place: "path" | "query"): Doc[] {
  return Object.entries(schema.shape).map(([name, each]) => ({
    name,
    in: place,
    required: place === "path",
    // A flag may have no value.
    ...(place === "query" && (each as z.ZodType).safeParse("").success && { allowEmptyValue: true }),
    schema: schemaOf(each as z.ZodType),
  }));
}
function bodyContent(body: BodySpec): Doc {
  return body.kind === "json"
    ? { "application/json": { schema: schemaOf(body.shown ?? body.schema) } }
    : body.kind === "lines"
      ? { "application/x-ndjson": { schema: schemaOf(body.item) } }
      : { "application/octet-stream": { schema: { type: "string", format: "binary" } } };
}
function replyOf(reply: Reply): Doc {
  return {
    description: reply.description,
    ...(reply.schema && {
      content: {
        [reply.type ?? "application/json"]: { schema: schemaOf(reply.schema) },
        ...Object.fromEntries((reply.texts ?? []).map((type) => [type, { schema: { type: "string" } }])),
      },
    }),
  };
}
