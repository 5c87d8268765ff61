// The page: which view is shown, in which language, with which key.
import { access } from "./access.js";
import { $, languageSwitch } from "./dom.js";
import * as files from "./files.js";
import * as live from "./live.js";
import * as status from "./status.js";

const views = ["files", "live", "status"];
const first = location.pathname.endsWith("/ws-test") ? "live" : "files";

function show() {
  const view = views.find(v => location.hash === `#${v}`) || (location.hash === "#main" ? shown() : first);
  for (const v of views) $(v).hidden = v !== view;
  for (const link of $("views").children) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("options").hidden = view === "status";
  $(view).querySelector("h1").after($("options"));
  status.watch(view === "status");
}

const shown = () => views.find(v => !$(v).hidden) || first;

function options() {
  const form = $("options").elements;
  return { language: form.language.value, itn: form.itn.checked };
}

languageSwitch($("language"));
access();
files.start(options);
live.start(options);
addEventListener("hashchange", () => { show(); scrollTo(0, 0); });
show();
