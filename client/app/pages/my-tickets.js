// What the visitor sells: for sale, held by a buyer, sold.

import { getPage } from "../api.js";
import { h, swap } from "../dom.js";
import { subscribe } from "../event-stream.js";
import { atLeast } from "../parts/endless-list.js";
import { linkButton, notice } from "../parts/notice.js";
import { ticketCard } from "../parts/ticket-card.js";
import { remember } from "../router.js";

const MINE = "/api/tickets?mine=true&limit=100";
const GROUPS = { free: "For sale", held: "Held by a buyer", sold: "Sold" };

/** Three lists, each ticket in the one of its status. */
export async function myTicketsPage({ user, remembered, signal }) {
  const tickets = new Map();
  const shelves = h("div", {});
  const more = h("button", { class: "button quiet", type: "button", onclick: loadMore }, "Show older tickets");
  let next = null;

  function note(items) {
    for (const ticket of items) {
      const known = tickets.get(ticket.id);
      if (!known || known.version <= ticket.version) tickets.set(ticket.id, ticket);
    }
    swap(shelves, ...groups([...tickets.values()]));
    more.hidden = !next;
    remember({ shown: tickets.size });
  }

  async function loadMore() {
    const page = await getPage(next, signal).catch(() => null);
    if (!page) return; // the button stays, to try again
    next = page.next;
    note(page.items);
  }

  async function refresh() {
    note((await getPage(MINE, signal)).items);
  }

  const first = await atLeast(remembered.shown ?? 0, MINE, signal);
  next = first.next;
  note(first.items);
  const onTicket = (ticket) => ticket.userId === user.id && note([ticket]);
  subscribe("/api/tickets/events", { ticket: onTicket, reset: refresh }, refresh, signal);
  const top = h("div", { class: "title-row" }, h("h1", {}, "My tickets"), linkButton("/sell", "Sell a ticket"));
  return h("div", {}, top, shelves, h("p", { class: "endless" }, more));
}

function groups(tickets) {
  if (tickets.length === 0) return [nothing()];
  const newestFirst = tickets.sort((one, other) => (one.id < other.id ? 1 : -1));
  return Object.keys(GROUPS).map((status) => group(status, newestFirst.filter((ticket) => ticket.status === status)));
}

function group(status, tickets) {
  if (tickets.length === 0) return null;
  const heading = h("h2", { class: "group-title" }, GROUPS[status], " ", h("span", { class: "number" }, tickets.length));
  return h(
    "section",
    { class: "group" },
    heading,
    h("ul", { class: "tickets" }, ...tickets.map((ticket) => ticketCard(ticket, { level: "h3" }))),
  );
}

function nothing() {
  return notice({
    heading: "You have not sold anything yet",
    text: "What you put up for sale is listed here, with who holds it and what is sold.",
    actions: [linkButton("/sell", "Sell your first ticket")],
  });
}
