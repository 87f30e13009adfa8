// Skeleton screens: grey shapes while a page loads.

import { h } from "../dom.js";

/** Of a page with a list of tickets. */
export function listSkeleton() {
  return skeleton(h("div", { class: "shape heading" }), h("div", { class: "shape line" }), cardsSkeleton());
}

/** Of the list itself. */
export function cardsSkeleton() {
  const cards = Array.from({ length: 6 }, () => h("div", { class: "shape card" }));
  return h("div", { class: "tickets" }, ...cards);
}

/** Of a page about one ticket. */
export function ticketSkeleton() {
  return skeleton(h("div", { class: "shape large-card" }), h("div", { class: "shape line" }));
}

/** Of a page with a form. */
export function formSkeleton() {
  return skeleton(h("div", { class: "shape heading" }), h("div", { class: "shape line" }));
}

function skeleton(...shapes) {
  const hidden = h("h1", { class: "visually-hidden" }, "Loading");
  return h("div", { class: "outline", "aria-busy": "true" }, hidden, ...shapes);
}
