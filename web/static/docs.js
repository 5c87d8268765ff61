// The description of the interface: /openapi.json made readable, with forms to try it.
import { access } from "./access.js";
import { $, h, languageSwitch, problem, say } from "./dom.js";
import { Document } from "./openapi.js";
import { Problem, address, authorization, read } from "./server.js";

/** prose makes paragraphs of a description, with `code` in it. */
function prose(text) {
  return (text || "").split(/\n\s*\n/).filter(Boolean).map(paragraph =>
    h("p", { class: "about" }, paragraph.split("`").map((part, i) => i % 2 ? h("code", null, part) : part)));
}

function table(rows) {
  return h("div", { class: "scroll" }, h("table", null, h("tbody", null, rows.map(([name, type, about, must]) =>
    h("tr", null, h("td", null, h("code", { class: must && "must" }, name)), h("td", null, type), h("td", null, prose(about)))))));
}

function titled(title, ...children) {
  const inside = children.flat();
  return inside.length ? [h("h3", { t: title }), ...inside] : [];
}

function operation(doc, o) {
  const body = doc.body(o);
  const parameters = o.parameters.map(p => [p.name, `${p.in} · ${doc.type(p.schema)}`, p.description, p.required]);
  const fields = body ? doc.fields(body.schema).map(f => [f.name, doc.type(f.schema), f.schema.description, f.required]) : [];
  const inside = h("div", { class: "inside" });
  return h("details", { class: "operation", id: `${o.method}${o.path.replace(/[^\w]+/g, "-")}`, ontoggle: e => {
    if (!e.target.open || inside.firstChild) return; // made when it is first opened
    inside.append(
      ...prose(o.description),
      ...titled("Parameters", parameters.length ? table(parameters) : []),
      ...titled("Body", fields.length ? [h("p", { class: "note" }, body.type), table(fields)] : []),
      ...titled("Answers", Object.entries(o.responses || {}).map(([status, r]) => response(doc, status, doc.resolve(r)))),
      h("h3", { t: "From the command line" }), h("pre", null, doc.curl(o, address(".").href.replace(/\/$/, ""))),
      h("h3", { t: "Try it" }), ...attempt(doc, o, body));
  } },
  h("summary", null, h("span", { class: "method" }, o.method.toUpperCase()), h("code", null, o.path), h("span", { class: "note" }, o.summary || "")), inside);
}

function response(doc, status, r) {
  const fields = Object.entries(r.content || {}).flatMap(([, c]) => doc.fields(c.schema)).map(f => [f.name, doc.type(f.schema), f.schema.description]);
  const kinds = Object.keys(r.content || {}).join(", ");
  return h("details", { open: status === "200" && fields.length < 30 }, h("summary", null, h("code", null, status), ` ${r.description || ""}`, kinds && h("span", { class: "note" }, ` · ${kinds}`)), fields.length ? table(fields) : "");
}

/** attempt is a form that makes the request, and the place for its answer. */
function attempt(doc, o, body) {
  const inputs = [], place = h("div", { class: "answer" });
  const field = (name, where, schema, must) => {
    const s = doc.whole(schema), id = `${o.method}-${o.path}-${where}-${name}`;
    const choices = s.enum || ([s.type].flat().includes("boolean") ? ["true", "false"] : null);
    const input = where === "form" && doc.takesFile(s) ? h("input", { id, type: "file", multiple: !!s.items, required: must })
      : choices ? h("select", { id }, !must && h("option", { value: "" }, "–"), choices.map(c => h("option", null, String(c))))
      : h("input", { id, type: "text", required: must, placeholder: s.default ?? "" });
    inputs.push({ name, where, input });
    return [h("label", { for: id, class: must && "must" }, name), input];
  };
  const form = h("form", { class: "try" },
    o.parameters.filter(p => p.in !== "cookie").flatMap(p => field(p.name, p.in, p.schema, p.required)),
    body?.type === "multipart/form-data" ? doc.properties(body.schema).flatMap(([name, s]) => field(name, "form", s, body.schema.required?.includes(name))) : []);
  if (body && body.type !== "multipart/form-data") {
    const json = body.type === "application/json";
    const input = json ? h("textarea", { rows: 6, "aria-label": body.type }, JSON.stringify(doc.example(body.schema), null, 2)) : h("input", { type: "file", required: true, "aria-label": body.type });
    inputs.push({ where: "body", input, type: body.type });
    form.append(h("label", null, body.type), input);
  }
  const button = h("button", { type: "submit", t: "Send" });
  form.append(button);
  form.onsubmit = async e => {
    e.preventDefault();
    button.disabled = true;
    place.replaceChildren(h("p", { class: "note", role: "status", t: "Waiting" }));
    await send(o, inputs, place).catch(error => place.replaceChildren(problem(error)));
    button.disabled = false;
  };
  return [form, place];
}

async function send(o, inputs, place) {
  let path = o.path.slice(1), payload;
  const query = new URLSearchParams(), headers = authorization();
  for (const { name, where, input, type } of inputs) {
    if (where === "body") {
      payload = input.files ? input.files[0] : input.value;
      headers["Content-Type"] = type;
    } else if (where === "form") {
      payload ||= new FormData();
      for (const file of input.files || []) payload.append(name, file);
      if (!input.files && input.value) payload.append(name, input.value);
    } else if (!input.value) {
      continue;
    } else if (where === "path") {
      path = path.replace(`{${name}}`, encodeURIComponent(input.value));
    } else if (where === "query") {
      query.append(name, input.value);
    } else {
      headers[name] = input.value;
    }
  }
  const begun = performance.now();
  const answer = await fetch(address(path + (query.size ? `?${query}` : "")), { method: o.method.toUpperCase(), headers, body: payload }).catch(() => {
    throw new Problem("The server cannot be reached", { t: "Is it running, and is this computer connected to it?" });
  });
  let text = await answer.text();
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
  place.replaceChildren(
    h("p", { class: "note", role: "status" }, `HTTP ${answer.status} · ${Math.round(performance.now() - begun)} ms · ${answer.headers.get("Content-Type") || ""}`),
    h("pre", { tabindex: 0 }, text.length > 200_000 ? `${text.slice(0, 200_000)} …` : text));
}

async function start() {
  const document_ = await read("openapi.json");
  const doc = new Document(document_), info = document_.info || {};
  document.title = info.title || document.title;
  $("title").textContent = info.title || "API";
  $("about").append(...prose(info.description), h("p", { class: "note" }, info.version && `${info.version} · `, h("a", { href: "openapi.json" }, "openapi.json")));
  for (const [tag, operations] of doc.groups()) $("operations").append(tag && h("h2", null, tag), ...operations.map(o => operation(doc, o)));
  const chosen = location.hash.length > 1 && $(location.hash.slice(1));
  if (chosen) chosen.open = true;
}

languageSwitch($("language"));
access();
start().catch(error => $("about").append(problem(error)));
