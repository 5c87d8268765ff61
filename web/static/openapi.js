// What the pages need to know of an OpenAPI 3 document: its operations in order, fields of its schemas, and examples.

const methods = ["get", "post", "put", "patch", "delete"];

/** Document looks things up in an OpenAPI document. */
export class Document {
  constructor(document) { this.document = document; }

  /** resolve follows a reference within the document. */
  resolve(thing, depth = 0) {
    if (!thing?.$ref || depth > 20) return thing || {};
    const found = thing.$ref.replace(/^#\//, "").split("/").reduce((at, name) => at?.[name.replace(/~1/g, "/").replace(/~0/g, "~")], this.document);
    return this.resolve(found, depth + 1);
  }

  /** groups are [tag, operations] in the document's order. */
  groups() {
    const groups = new Map((this.document.tags || []).map(tag => [tag.name, []]));
    for (const [path, item] of Object.entries(this.document.paths || {})) {
      for (const method of methods.filter(m => item[m])) {
        const operation = { ...item[method], path, method, parameters: [...item.parameters || [], ...item[method].parameters || []].map(p => this.resolve(p)) };
        const tag = operation.tags?.[0] || "";
        groups.set(tag, [...groups.get(tag) || [], operation]);
      }
    }
    return [...groups].filter(([, operations]) => operations.length);
  }

  /** body is the kind of content that an operation takes, and its schema. */
  body(operation) {
    const content = this.resolve(operation.requestBody).content || {};
    const type = ["multipart/form-data", "application/json"].find(t => content[t]) || Object.keys(content)[0];
    return type ? { type, schema: this.whole(content[type].schema) } : null;
  }

  /** whole is a schema with all its parts in one. */
  whole(schema) {
    const s = this.resolve(schema);
    const parts = (s.allOf || []).map(part => this.whole(part));
    return parts.reduce((all, part) => ({ ...part, ...all, properties: { ...part.properties, ...all.properties }, required: [...part.required || [], ...all.required || []] }), s);
  }

  /** fields lists a schema's properties, those within others by their path: result[].text. */
  fields(schema, path = "", depth = 0) {
    const s = this.whole(schema);
    if (depth > 5) return [];
    if (s.items) return this.fields(s.items, `${path}[]`, depth + 1);
    return this.properties(s).flatMap(([name, property]) => {
      const p = this.whole(property), place = path ? `${path}.${name}` : name;
      return [{ name: place, schema: p, required: s.required?.includes(name) }, ...this.fields(p, place, depth + 1)];
    });
  }

  /** properties lists those of a whole schema, the required ones first. */
  properties(s) {
    const optional = ([name]) => !s.required?.includes(name);
    return Object.entries(s.properties || {}).sort((a, b) => optional(a) - optional(b));
  }

  /** type says what values a schema allows. */
  type(schema) {
    const s = this.whole(schema);
    if (s.enum) return s.enum.join(" | ");
    if (s.anyOf || s.oneOf) return (s.anyOf || s.oneOf).map(o => this.type(o)).join(" | ");
    if (isFile(s)) return "file";
    if (s.items) return `${this.type(s.items)} …`;
    return [s.type].flat().filter(Boolean).join(" | ") || "any";
  }

  /** example is a value that a schema allows. */
  example(schema, depth = 0) {
    const s = this.whole(schema), given = s.example ?? s.examples?.[0] ?? s.default ?? s.enum?.[0];
    if (given !== undefined || depth > 5) return given ?? null;
    if (s.anyOf || s.oneOf) return this.example((s.anyOf || s.oneOf)[0], depth + 1);
    if (s.items) return [this.example(s.items, depth + 1)];
    if (s.properties) return Object.fromEntries(Object.entries(s.properties).map(([name, p]) => [name, this.example(p, depth + 1)]));
    return { string: "", integer: 0, number: 0, boolean: false, object: {} }[[s.type].flat()[0]] ?? null;
  }

  /** curl is the command that makes a typical request. */
  curl(operation, origin) {
    const quote = text => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replace(/'/g, "'\\''")}'`;
    const query = operation.parameters.filter(p => p.in === "query" && p.required).map(p => `${p.name}=${encodeURIComponent(this.example(p.schema) ?? "")}`);
    const lines = [`curl ${operation.method === "get" || operation.requestBody ? "" : `-X ${operation.method.toUpperCase()} `}${quote(origin + operation.path + (query.length ? `?${query.join("&")}` : ""))}`];
    if ((operation.security || this.document.security || []).some(s => Object.keys(s).length)) lines.push(`-H "Authorization: Bearer $KEY"`);
    const body = this.body(operation);
    if (body?.type === "multipart/form-data") {
      const fields = Object.entries(body.schema.properties || {}).map(([name, p]) => ({ name, schema: this.whole(p), must: body.schema.required?.includes(name) }));
      const file = fields.find(f => f.must && this.takesFile(f.schema)) || fields.find(f => this.takesFile(f.schema));
      for (const f of fields.filter(f => f === file || f.must && !this.takesFile(f.schema))) lines.push(`-F ${quote(`${f.name}=${f === file ? "@talk.wav" : this.example(f.schema) ?? ""}`)}`);
    } else if (body?.type === "application/json") {
      lines.push(`--json ${quote(JSON.stringify(this.example(body.schema)))}`);
    } else if (body) {
      lines.push(`-H ${quote(`Content-Type: ${body.type}`)}`, "--data-binary @talk.wav");
    }
    return lines.join(" \\\n  ");
  }

  /** takesFile tells whether a field of a form is a file, or several. */
  takesFile(schema) {
    const s = this.whole(schema);
    return isFile(s) || !!s.items && isFile(this.whole(s.items)) || (s.anyOf || s.oneOf || []).some(o => this.takesFile(o));
  }
}

const isFile = s => s.format === "binary" || !!s.contentMediaType && s.contentMediaType !== "application/json";
