// Keeps the list of tickets true: what is taken goes, what changed changes, what is new is offered.

import { announce } from "../announce.js";
import { h } from "../dom.js";
import { follow } from "../live.js";
import { ticketCard } from "../parts/ticket-card.js";
import { fits } from "../words.js";

const FADE = 150; // ms

/** `refresh` loads the first page, `anew` shows the whole list again; the offer is put in `element`. */
export function keepTrue({ shelf, words, refresh, anew, element, signal }) {
  const known = new Map(); // the newest version that was heard of each ticket
  const fresh = new Set();
  const offer = h("button", { class: "button offer", type: "button", onclick: anew, hidden: true });
  element.prepend(h("p", { class: "offer-place", "aria-live": "polite" }, offer));

  function hear(ticket) {
    if (ticket.version < (known.get(ticket.id) ?? 0)) return;
    known.set(ticket.id, ticket.version);
    const row = shelf.rowOf(ticket.id);
    if (ticket.status !== "free") leave(ticket.id, row);
    else if (row) replace(row, ticket);
    else if (fits(ticket.title, words)) fresh.add(ticket.id);
    showOffer();
  }

  function leave(id, row) {
    fresh.delete(id);
    if (row) take(row);
  }

  function showOffer() {
    offer.hidden = fresh.size === 0;
    offer.textContent = fresh.size === 1 ? "Show 1 new ticket" : `Show ${fresh.size} new tickets`;
  }

  /** The first page as it is now: what is missing in its range is taken. */
  async function compare() {
    const { items, next } = await refresh();
    const free = new Set(items.map(({ id }) => id));
    const oldest = next ? items.at(-1).id : "";
    for (const row of shelf.list.children) {
      if (row.dataset.id >= oldest && !free.has(row.dataset.id)) take(row);
    }
    items.forEach(hear);
  }

  follow("/api/tickets/events", { ticket: hear, reset: anew }, compare, signal);
}

function replace(row, ticket) {
  if (Number(row.dataset.version) >= ticket.version) return;
  const hadFocus = row.contains(document.activeElement);
  const changed = ticketCard(ticket);
  row.replaceWith(changed);
  if (hadFocus) changed.firstChild.focus();
}

function take(row) {
  if (row.classList.contains("taken")) return;
  row.classList.add("taken");
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  if (row.contains(document.activeElement)) {
    announce("Somebody just took this ticket.");
    neighbour?.firstChild.focus();
  }
  setTimeout(() => row.remove(), FADE);
}
