// What happened to an order, with times.

import { h } from "../dom.js";
import { moment } from "../format.js";

const STEPS = {
  created: "You ordered the ticket",
  "awaiting:payment": "The ticket was reserved for you",
  complete: "You paid",
};
const CANCELLED = {
  buyer: "You cancelled the order",
  expired: "The time to pay was over",
  payment_failed: "The payment failed",
};

/** The steps of an order, oldest first. */
export function orderHistory(order) {
  const steps = order.history.map(({ status, at, reason }) =>
    h(
      "li",
      {},
      h("span", {}, status === "cancelled" ? CANCELLED[reason] : STEPS[status]),
      h("time", { datetime: at }, moment(at)),
    ),
  );
  return h("ol", { class: "history" }, ...steps);
}
