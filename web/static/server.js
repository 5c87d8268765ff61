// The server's public interface: where it is, the access key, requests, and what went wrong.

/** Problem is an error that people can read: a title, the server's own words or ours, and a hint. */
export class Problem extends Error {
  constructor(title, { detail, t, hint, command, status } = {}) {
    super(detail || t || title);
    Object.assign(this, { title, detail, t, hint, command, status }); // detail is shown as it is, the others in the reader's language
  }
}

export const address = path => new URL(path, document.baseURI);

export const key = {
  get: () => { try { return sessionStorage.getItem("key") || ""; } catch { return key.held || ""; } },
  set: value => { key.held = value; try { sessionStorage.setItem("key", value); } catch { /* held until the page goes */ } },
};

/** authorization is the header that carries the key, if there is one. */
export const authorization = () => key.get() ? { Authorization: `Bearer ${key.get()}` } : {};

/** refusal makes a Problem of an answer that is not a result. The shapes are FastAPI's, OpenAI's and plain text. */
export function refusal(status, text, retryAfter) {
  let detail = text.slice(0, 2000);
  try {
    const body = JSON.parse(text);
    const faults = Array.isArray(body.detail) ? body.detail.map(d => `${(d.loc || []).slice(1).join(".")}: ${d.msg}`).join("; ") : body.detail;
    detail = body.error?.message || faults || body.message || body.reason || detail;
  } catch { /* not JSON */ }
  if (status === 401) dispatchEvent(new Event("key-wanted"));
  const titles = { 400: "The server cannot read this", 401: "The server asks for an access key", 403: "The server does not allow this", 413: "This is too much for the server", 415: "The server does not know this format", 422: "The server does not understand this", 429: "The server is busy", 503: "The server is busy", 504: "It took too long" };
  return new Problem(titles[status] || `HTTP ${status}`, { detail, status, hint: retryAfter && ["Try again in {0} s.", retryAfter] });
}

const unreachable = () => new Problem("The server cannot be reached", { t: "Is it running, and is this computer connected to it?" });

/** read fetches JSON. */
export async function read(path, options = {}) {
  const answer = await fetch(address(path), { ...options, headers: { ...authorization(), ...options.headers } }).catch(e => {
    throw e.name === "AbortError" ? e : unreachable();
  });
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(refusal(answer.status, text, answer.headers.get("Retry-After")), { body: text });
  return JSON.parse(text);
}

/** upload posts a form and reports the share that has been sent. XMLHttpRequest, because fetch does not tell. */
export function upload(path, form, { sent, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.onprogress = e => sent(e.lengthComputable ? e.loaded / e.total : 0);
    request.upload.onload = () => sent(1);
    request.onerror = () => reject(new Problem("The connection broke", { t: "Is the server running? One that refuses a file for its size may end the upload like this, too." }));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = () => {
      if (request.status !== 200) return reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      try { resolve(JSON.parse(request.responseText)); } catch { reject(new Problem("The answer is not JSON", { detail: request.responseText.slice(0, 200) })); }
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
