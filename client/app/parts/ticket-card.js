// A ticket as it looks everywhere: the title on the face, the price on the stub.

import { h } from "../dom.js";
import { money, serial } from "../format.js";

const LONG = 60; // characters of a title that still look good in large letters

/** A ticket in a list; it leads to its page. */
export function ticketCard(ticket, { level = "h2" } = {}) {
  const face = [
    h(level, { class: "ticket-title" }, ticket.title),
    h("p", { class: "ticket-line" }, serial(ticket.id)),
  ];
  return h(
    "li",
    { "data-id": ticket.id, "data-version": ticket.version },
    h("a", { class: "ticket", href: `/tickets/${ticket.id}` }, ...faceAndStub(face, ticket.price)),
  );
}

/** A ticket as the head of its own page. */
export function ticketHead({ id, title, price }, ...line) {
  const face = [
    h("h1", { class: "ticket-title" }, title),
    h("p", { class: "ticket-line" }, serial(id), ...line),
  ];
  return h("div", { class: largeClass(title) }, ...faceAndStub(face, price));
}

/** A ticket that is still being written. */
export function ticketPreview() {
  const title = h("p", { class: "ticket-title" });
  const price = h("p", { class: "price" });
  const element = h(
    "div",
    { class: "ticket large", "aria-hidden": "true" },
    h("div", { class: "ticket-face" }, title, h("p", { class: "ticket-line" }, "As buyers see it")),
    h("div", { class: "ticket-stub" }, price),
  );
  const show = (titleText, dollars) => {
    title.textContent = titleText.trim() || "Your ticket";
    element.className = largeClass(titleText);
    price.textContent = Number.isFinite(dollars) ? money(dollars) : "–";
  };
  return { element, show };
}

function largeClass(title) {
  return title.length > LONG ? "ticket large wordy" : "ticket large";
}

function faceAndStub(face, price) {
  return [
    h("div", { class: "ticket-face" }, ...face),
    h("div", { class: "ticket-stub" }, h("p", { class: "price" }, money(price))),
  ];
}
