// The status of a ticket or an order in a word or two.

import { h } from "../dom.js";

const OF_TICKET = { free: "For sale", held: "Held", sold: "Sold" };
const OF_ORDER = {
  created: "To be paid",
  "awaiting:payment": "To be paid",
  complete: "Paid",
  cancelled: "Cancelled",
};

/** Whether a ticket is for sale. */
export function ticketTag({ status }) {
  return h("span", { class: `tag is-${status}` }, OF_TICKET[status] ?? status);
}

/** How far an order is. */
export function orderTag({ status }) {
  const look = status === "awaiting:payment" ? "created" : status;
  return h("span", { class: `tag is-${look}` }, OF_ORDER[status] ?? status);
}

/** Whether an order can still be paid or cancelled. */
export function isOpen({ status }) {
  return status === "created" || status === "awaiting:payment";
}
