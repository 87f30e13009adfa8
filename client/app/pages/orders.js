// What the visitor ordered, newest first.

import { getPage } from "../api.js";
import { h } from "../dom.js";
import { money, serial } from "../format.js";
import { subscribe } from "../event-stream.js";
import { countdown } from "../parts/countdown.js";
import { atLeast, endlessList } from "../parts/endless-list.js";
import { orderHistory } from "../parts/history.js";
import { linkButton, notice } from "../parts/notice.js";
import { isOpen, orderTag } from "../parts/tag.js";
import { remember } from "../router.js";

const MINE = "/api/orders?status=all&limit=24";

/** The list; a status that changes shows at once. */
export async function ordersPage({ remembered, signal }) {
  const heading = h("div", { class: "title-row" }, h("h1", {}, "My orders"));
  const first = await atLeast(remembered.shown ?? 0, MINE, signal);
  if (first.items.length === 0) return h("div", {}, heading, nothing());
  const row = (order) => orderRow(order, signal);
  const list = endlessList({ first, row, name: "Orders", signal });
  const grown = () => remember({ shown: list.rows.children.length });
  new MutationObserver(grown).observe(list.rows, { childList: true });

  async function refresh() {
    const { items } = await getPage(MINE, signal);
    for (const order of items.toReversed()) note(order);
  }

  function note(order) {
    const old = list.rowOf(order.id);
    if (!old) list.rows.prepend(row(order));
    else if (Number(old.dataset.version) < order.version) replace(old, row(order));
  }

  const onTicket = ({ id }) => list.rows.querySelector(`[data-ticket="${CSS.escape(id)}"]`) && refresh();
  subscribe("/api/tickets/events", { ticket: onTicket, reset: refresh }, refresh, signal);
  return h("div", {}, heading, list.element);
}

function orderRow(order, signal) {
  const { id, version, ticket, expiresAt } = order;
  const face = h(
    "div",
    { class: "ticket-face" },
    h("h2", { class: "ticket-title" }, ticket.title),
    h(
      "p",
      { class: "ticket-line" },
      serial(ticket.id),
      orderTag(order),
      isOpen(order) && countdown(expiresAt, signal, { announces: false }),
    ),
  );
  const stub = h("div", { class: "ticket-stub" }, h("p", { class: "price" }, money(ticket.price)));
  return h(
    "li",
    { "data-id": id, "data-version": version, "data-ticket": ticket.id },
    h("a", { class: "ticket", href: `/orders/${id}` }, face, stub),
    h("details", {}, h("summary", {}, "History"), orderHistory(order)),
  );
}

function replace(old, changed) {
  const hadFocus = old.contains(document.activeElement);
  changed.querySelector("details").open = old.querySelector("details").open;
  old.replaceWith(changed);
  if (hadFocus) changed.firstChild.focus();
}

function nothing() {
  return notice({
    heading: "You have not ordered anything yet",
    text: "Find a ticket: it is held for you while you pay.",
    actions: [linkButton("/", "See what is for sale")],
  });
}
