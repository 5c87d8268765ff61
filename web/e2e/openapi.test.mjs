import assert from "node:assert/strict";
import test from "node:test";
import { Document } from "../static/openapi.js";

const form = { type: "object", required: ["files", "model"], properties: {
  files: { type: "array", items: { type: "string", format: "binary" } }, model: { type: "string", example: "sensevoice small" }, words: { type: "boolean" } } };
const doc = new Document({
  tags: [{ name: "Speech" }, { name: "Unused" }],
  paths: {
    "/health": { get: { tags: ["Server"] } },
    "/asr": { parameters: [{ name: "q", in: "query", required: true, schema: { type: "string", default: "a b" } }], post: { tags: ["Speech"], security: [{ bearer: [] }], requestBody: { content: { "multipart/form-data": { schema: { $ref: "#/components/schemas/Form" } } } } } },
    "/json": { post: { requestBody: { content: { "application/json": { schema: { allOf: [{ $ref: "#/components/schemas/Tree" }, { properties: { more: { type: "integer" } } }] } } } } } },
  },
  components: { schemas: { Form: form, Tree: { type: "object", required: ["name"], properties: { name: { type: ["string", "null"] }, kind: { enum: ["it's", "b"] }, children: { type: "array", items: { $ref: "#/components/schemas/Tree" } } } } } },
});
const operation = path => doc.groups().flatMap(([, operations]) => operations).find(o => o.path === path);

test("groups follow the tags", () => assert.deepEqual(doc.groups().map(([tag, o]) => [tag, o.length]), [["Speech", 1], ["Server", 1], ["", 1]]));

test("fields of schemas within themselves end somewhere", () => {
  const names = doc.fields(doc.body(operation("/json")).schema).map(f => f.name);
  for (const name of ["more", "name", "kind", "children"]) assert.ok(names.includes(name), name);
  assert.ok(names.includes("children[].children[].name") && names.length < 30, names.join());
});

test("types", () => assert.deepEqual([form.properties.files, { type: ["string", "null"] }, { enum: [1, 2] }, { anyOf: [{ type: "string" }, { $ref: "#/nowhere" }] }, {}].map(s => doc.type(s)), ["file …", "string | null", "1 | 2", "string | any", "any"]));

test("curl commands survive a shell", () => {
  assert.equal(doc.curl(operation("/asr"), "http://host"), `curl 'http://host/asr?q=a%20b' \\\n  -H "Authorization: Bearer $KEY" \\\n  -F files=@talk.wav \\\n  -F 'model=sensevoice small'`);
  assert.match(doc.curl(operation("/json"), "http://host"), /^curl http:\/\/host\/json \\\n {2}--json '\{.*it'\\''s.*\}'$/);
  assert.equal(doc.curl(operation("/health"), "http://host"), "curl http://host/health");
});
