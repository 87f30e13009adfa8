// What stands where there is nothing else to show: what happened, and what to do next.

import { h } from "../dom.js";

/** A heading of `level`, some sentences, and links or buttons. */
export function notice({ level = "h2", heading, text, actions = [] }) {
  return h(
    "div",
    { class: "notice" },
    h(level, {}, heading),
    h("p", {}, text),
    h("p", { class: "actions" }, ...actions),
  );
}

/** The link that most often comes next. */
export function linkButton(href, text, { quiet = false } = {}) {
  return h("a", { class: quiet ? "button quiet" : "button", href }, text);
}
