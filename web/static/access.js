// The field for the access key, which opens by itself when the server asks for one.
import { $ } from "./dom.js";
import { key } from "./server.js";

/** access makes the field work. */
export function access() {
  const panel = $("access"), field = $("key");
  const show = () => panel.classList.toggle("set", !!key.get());
  field.value = key.get();
  show();
  $("access-form").onsubmit = e => {
    e.preventDefault();
    key.set(field.value.trim());
    show();
    panel.open = false;
    panel.firstElementChild.focus();
  };
  addEventListener("key-wanted", () => { panel.open = true; field.focus(); });
  addEventListener("keydown", e => { if (e.key === "Escape") panel.open = false; });
  addEventListener("click", e => { if (!panel.contains(e.target)) panel.open = false; });
}
