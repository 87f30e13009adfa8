// Keeps the list of tickets in sync: taken tickets go, changed ones change, new ones are offered.

import { announce } from "../announce.js";
import { h } from "../dom.js";
import { subscribe } from "../event-stream.js";
import { ticketCard } from "../parts/ticket-card.js";
import { matches } from "../search-match.js";

const FADE = 150; // ms

/** `refresh` loads the first page, `reload` the whole list; the button for new tickets is put in `element`. */
export function syncList({ list, words, refresh, reload, element, signal }) {
  const known = new Map(); // the newest version received of each ticket
  const fresh = new Set();
  const offer = h("button", { class: "button offer", type: "button", onclick: reload, hidden: true });
  element.prepend(h("p", { class: "offer-place", "aria-live": "polite" }, offer));

  function onTicket(ticket) {
    if (ticket.version < (known.get(ticket.id) ?? 0)) return;
    known.set(ticket.id, ticket.version);
    const row = list.rowOf(ticket.id);
    if (ticket.status !== "free") remove(ticket.id, row);
    else if (row) replace(row, ticket);
    else if (matches(ticket.title, words)) fresh.add(ticket.id);
    showOffer();
  }

  function remove(id, row) {
    fresh.delete(id);
    if (row) removeRow(row);
  }

  function showOffer() {
    offer.hidden = fresh.size === 0;
    offer.textContent = fresh.size === 1 ? "Show 1 new ticket" : `Show ${fresh.size} new tickets`;
  }

  /** Compare with the present first page: what is missing in its range is taken. */
  async function reconcile() {
    const { items, next } = await refresh();
    const free = new Set(items.map(({ id }) => id));
    const oldest = next ? items.at(-1).id : "";
    for (const row of list.rows.children) {
      if (row.dataset.id >= oldest && !free.has(row.dataset.id)) removeRow(row);
    }
    items.forEach(onTicket);
  }

  subscribe("/api/tickets/events", { ticket: onTicket, reset: reload }, reconcile, signal);
}

function replace(row, ticket) {
  if (Number(row.dataset.version) >= ticket.version) return;
  const hadFocus = row.contains(document.activeElement);
  const changed = ticketCard(ticket);
  row.replaceWith(changed);
  if (hadFocus) changed.firstChild.focus();
}

function removeRow(row) {
  if (row.classList.contains("taken")) return;
  row.classList.add("taken");
  const sibling = row.nextElementSibling ?? row.previousElementSibling;
  if (row.contains(document.activeElement)) {
    announce("Somebody just took this ticket.");
    sibling?.firstChild.focus();
  }
  setTimeout(() => row.remove(), FADE);
}
