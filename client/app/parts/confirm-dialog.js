// A dialog that asks for confirmation.

import { freshId, h } from "../dom.js";

/** Whether the visitor says yes in a dialog; escape and the second button say no. */
export function confirmDialog({ question, text, yes, no }) {
  const id = freshId("question");
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": id },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id }, question),
      h("p", {}, text),
      h(
        "p",
        { class: "actions" },
        h("button", { class: "button", value: "no", autofocus: true }, no),
        h("button", { class: "button quiet", value: "yes" }, yes),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
  });
}
