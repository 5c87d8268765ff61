// The view that shows the server's state: asked for gently, and only while somebody looks.
import { $, h, problem } from "./dom.js";
import { read } from "./server.js";

const every = 5000; // milliseconds
let timer = null, hasGPU = true;

/** watch begins to show the state, or ends it. */
export function watch(on) {
  clearInterval(timer);
  timer = null;
  if (!on) return;
  refresh();
  timer = setInterval(() => { if (!document.hidden) refresh(); }, every);
}

async function refresh() {
  try {
    const health = await read("health").catch(error => { // 503 tells its reason in the same shape
      try { return JSON.parse(error.body); } catch { throw error; }
    });
    const status = await read("api/v1/status");
    const gpus = hasGPU ? await read("api/v1/gpu").catch(() => { hasGPU = false; return null; }) : null;
    $("state").replaceChildren(facts(health, status), ...(gpus ? [memory(gpus)].flat() : []));
  } catch (error) {
    $("state").replaceChildren(problem(error));
  }
}

function facts(health, status) {
  const well = health.status === "healthy", settings = status.settings || {}, stats = status.connection_stats || {};
  const list = h("dl", { class: "facts" });
  const add = (name, ...value) => value.some(v => v != null && v !== "") && list.append(h("dt", { t: name }), h("dd", null, ...value));
  add("Health", h("span", { class: well ? "dot" : "dot bad" }), h("span", { t: well ? "Ready" : "Not ready" }), health.reason ? ` · ${health.reason}` : "");
  add("Model", settings.model_dir);
  add("Device", settings.device);
  add("Live connections", status.connections ?? stats.active_connections);
  add("Messages received", stats.total_messages_received);
  add("Pieces of sound heard", stats.total_audio_chunks_processed);
  add("Errors", stats.total_errors);
  return list;
}

function memory() { return []; }
