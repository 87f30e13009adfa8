// What a page looks like while it loads: grey shapes of the sizes that are to come.

import { h } from "../dom.js";

/** Of a page with a list of tickets. */
export function listOutline() {
  return outline(h("div", { class: "shape heading" }), h("div", { class: "shape line" }), cardsOutline());
}

/** Of the list itself. */
export function cardsOutline() {
  const cards = Array.from({ length: 6 }, () => h("div", { class: "shape card" }));
  return h("div", { class: "tickets" }, ...cards);
}

/** Of a page about one ticket. */
export function ticketOutline() {
  return outline(h("div", { class: "shape large-card" }), h("div", { class: "shape line" }));
}

/** Of a page with a form. */
export function formOutline() {
  return outline(h("div", { class: "shape heading" }), h("div", { class: "shape line" }));
}

function outline(...shapes) {
  const hidden = h("h1", { class: "visually-hidden" }, "Loading");
  return h("div", { class: "outline", "aria-busy": "true" }, hidden, ...shapes);
}
