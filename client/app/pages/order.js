// One order: pay in time, or cancel; then what became of it.

import { get, send } from "../api.js";
import { h, swap } from "../dom.js";
import { subscribe } from "../event-stream.js";
import { confirmDialog } from "../parts/confirm-dialog.js";
import { checkout } from "../parts/checkout.js";
import { countdown } from "../parts/countdown.js";
import { form } from "../parts/form.js";
import { orderHistory } from "../parts/history.js";
import { linkButton, notice } from "../parts/notice.js";
import { isOpen, orderTag } from "../parts/tag.js";
import { ticketHead } from "../parts/ticket-card.js";

/** The order as it is, and as it becomes while one looks at it. */
export async function orderPage({ params, signal }) {
  const path = `/api/orders/${params.id}`;
  const first = await get(path, signal);
  const status = h("p", { class: "order-status" });
  const next = h("div", { class: "next", "aria-live": "polite" });
  const steps = h("div", {});
  const open = new AbortController(); // until the order is final
  let version = -1;

  function show(order) {
    if (order.version <= version) return;
    const isFirst = version === -1;
    version = order.version;
    swap(status, orderTag(order));
    swap(steps, orderHistory(order));
    if (!isOpen(order)) {
      open.abort();
      swap(next, outcome(order));
    } else if (isFirst) swap(next, ...payment(order));
  }

  function payment(order) {
    const over = () => load().catch(() => {});
    return [
      h("p", { class: "time-left" }, "Time left to pay ", countdown(order.expiresAt, until, { over })),
      checkout(order, load, until),
      cancelling(),
    ];
  }

  function cancelling() {
    const submit = async () => {
      if (!(await confirmDialog(CANCEL))) return;
      await send("DELETE", path, null);
      await load();
    };
    return form({ button: "Cancel the order", busy: "Cancelling", quiet: true, submit });
  }

  const until = AbortSignal.any([signal, open.signal]);
  const load = async () => show(await get(path, signal));
  show(first);
  if (isOpen(first)) subscribe(`${path}/events`, { order: show }, load, until);
  return h(
    "article",
    { class: "one-order" },
    ticketHead(first.ticket),
    h("div", { class: "beside" }, next, h("aside", {}, h("h2", {}, "History"), status, steps)),
  );
}

const CANCEL = {
  question: "Cancel the order?",
  text: "The ticket goes back on sale, and somebody else can take it at once.",
  yes: "Cancel the order",
  no: "Keep the ticket",
};

function outcome({ status, cancelReason, ticket }) {
  const find = linkButton("/", "See what is for sale", { quiet: true });
  const again = linkButton(`/tickets/${ticket.id}`, "See the ticket");
  if (status === "complete") {
    return notice({
      heading: "The ticket is yours",
      text: "Your payment went through. You find the ticket under My orders at any time.",
      actions: [linkButton("/orders", "My orders"), find],
    });
  }
  return { buyer: gone, expired, payment_failed: declined }[cancelReason](again, find);
}

function gone(again, find) {
  return notice({
    heading: "You cancelled the order",
    text: "Nothing was charged. The ticket is for sale again.",
    actions: [again, find],
  });
}

function expired(again, find) {
  return notice({
    heading: "The time to pay is over",
    text: "Nothing was charged. The ticket is for sale again: if you are quick, it can still be yours.",
    actions: [again, find],
  });
}

function declined(again, find) {
  return notice({
    heading: "The payment did not go through",
    text: "Your bank said no, and nothing was charged. Order the ticket again to try another card.",
    actions: [again, find],
  });
}
