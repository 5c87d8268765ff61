// The view that shows the server's state: asked for gently, and only while somebody looks.
import { $, h, problem } from "./dom.js";
import { read } from "./server.js";

const every = 5000; // milliseconds
let timer = null, hasGPU = true; // until the server says that it tells of none

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
    const gpus = hasGPU && await read("api/v1/gpu").catch(() => { hasGPU = false; });
    $("state").replaceChildren(facts(health, status), ...(gpus ? [h("h2", { t: "GPU memory" }), ...graphics(gpus)] : []));
  } catch (error) {
    $("state").replaceChildren(problem(error));
  }
}

const number = n => n.toLocaleString(undefined, { maximumFractionDigits: 1 });

/** size writes bytes in units of 2^30 or 2^20, as tools for GPUs do. */
const size = bytes => bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GB` : `${Math.round(bytes / 2 ** 20)} MB`;

function facts(health, status) {
  const well = health.status === "healthy", { settings = {}, queue } = status;
  const list = h("dl", { class: "facts" });
  const add = (name, ...value) => value[0] != null && value[0] !== "" && list.append(h("dt", { t: name }), h("dd", null, ...value));
  const words = (...text) => h("span", { t: text });
  add("Health", h("span", { class: well ? "dot" : "dot bad" }), words(well ? "Ready" : "Not ready"), health.reason && ` · ${health.reason}`);
  add("Model", settings.model_dir);
  add("Device", settings.device);
  add("Version", status.version);
  if (queue) {
    add("Queue", words("{0} segments wait, {1} run", number(queue.segments_waiting), number(queue.segments_running)), " · ", words("{0} s of sound", number(queue.audio_seconds)));
    add("Speed", queue.speed > 0 && words("{0} × real time", number(queue.speed)) || null);
  }
  add("Live connections", number(status.connections ?? 0));
  for (const m of status.memory || []) add(m.name === "spool" ? "Disk for uploads" : m.name === "work" ? "Memory for work" : "Memory for uploads", `${size(m.used_bytes)} / ${size(m.limit_bytes)}`);
  return list;
}

/** graphics shows the GPUs of the machine and who uses them. */
function graphics(snapshot) {
  const devices = (snapshot.devices || []).map(d => {
    const bar = h("div", { class: "memory", role: "img", label: ["{0} free of {1}", size(d.free), size(d.total)] }, h("span", null));
    bar.firstChild.style.width = `${100 * (1 - d.free / d.total)}%`;
    return h("article", { class: "device" },
      h("p", null, h("strong", null, d.ordinal >= 0 ? `cuda:${d.ordinal}` : `GPU ${d.index}`), ` ${d.name}`), bar,
      h("p", { class: "note" }, h("span", { t: ["{0} free of {1}", size(d.free), size(d.total)] }), d.utilisation != null && ` · ${d.utilisation} %`, d.temperature != null && ` · ${d.temperature} °C`, d.fault && ` · ${d.fault}`),
      (d.processes || []).map(p => h("p", { class: "note" }, `${p.pid} ${p.name || ""} ${p.bytes != null ? size(p.bytes) : ""}`)));
  });
  return [...devices, ...(snapshot.problems || []).map(p => h("p", { class: "note" }, `${p.code}${p.detail ? `: ${p.detail}` : ""}`))];
}
