// Elements, and their text in the reader's language. English is the key: what the pages say stands in the code in plain words.
import { zh } from "./zh.js";

const said = new WeakMap(), labelled = new WeakMap(); // element → [English text, ...values], to say it again when the language changes
let language = remembered() || (navigator.languages || [navigator.language]).map(l => l.slice(0, 2)).find(l => l === "zh" || l === "en") || "en";

function remembered() {
  try { return localStorage.getItem("language"); } catch { return null; } // storage may be forbidden: then the browser's language
}

/** t translates an English text; {0}, {1} … stand for values. */
export function t(text, ...values) {
  const words = language === "zh" && zh[text] || text;
  return words.replace(/\{(\d)\}/g, (_, i) => values[i]);
}

/** say sets an element's text, and keeps it in the reader's language. */
export function say(element, text, ...values) {
  said.set(element, [text, ...values]);
  element.dataset.t = "";
  const words = text && t(text, ...values);
  if (element.textContent !== words) element.textContent = words;
  return element;
}

/** label does the same for the name that a screen reader reads. */
export function label(element, text, ...values) {
  labelled.set(element, [text, ...values]);
  element.dataset.tLabel = "";
  element.setAttribute("aria-label", t(text, ...values));
}

/** h makes an element. Attributes that begin with "on" are listeners, "t" is a text to say; children that are null or false are left out. */
export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === false || value == null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "t") say(element, ...[value].flat());
    else if (key === "label") label(element, ...[value].flat());
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter(c => c != null && c !== false));
  return element;
}

export const $ = id => document.getElementById(id);

/** problem shows an error with what the server said of it. */
export function problem(error) {
  return h("div", { class: "problem", role: "alert" },
    h("strong", { t: error.title || "This did not work" }),
    error.detail ? h("p", null, error.detail) : error.t ? h("p", { t: error.t }) : h("p", null, error.message),
    error.command && h("pre", null, error.command),
    error.hint && h("p", { class: "note", t: error.hint }));
}

/** translate says everything on the page in the chosen language. */
function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) say(element, ...(said.get(element) || [element.textContent]));
  for (const element of document.querySelectorAll("[data-t-label]")) label(element, ...(labelled.get(element) || [element.getAttribute("aria-label")]));
}

/** languageSwitch makes a button of the element, which names the other language. */
export function languageSwitch(button) {
  const name = () => { button.textContent = language === "zh" ? "English" : "中文"; button.lang = language === "zh" ? "en" : "zh"; };
  button.addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    try { localStorage.setItem("language", language); } catch { /* forgotten with the page */ }
    name();
    translate();
  });
  name();
  translate();
}
