// One ticket: buy it, or see why not.

import { get, send } from "../api.js";
import { h, swap } from "../dom.js";
import { subscribe } from "../event-stream.js";
import { form } from "../parts/form.js";
import { linkButton, notice } from "../parts/notice.js";
import { ticketTag } from "../parts/tag.js";
import { ticketHead } from "../parts/ticket-card.js";
import { go, signInFirst } from "../router.js";

/** The ticket, and what the visitor can do with it now. */
export async function ticketPage({ params, user, signal }) {
  const path = `/api/tickets/${params.id}`;
  const head = h("div", {});
  const next = h("div", { class: "next", "aria-live": "polite" });
  let version = -1;

  async function show(ticket) {
    if (ticket.id !== params.id || ticket.version <= version) return;
    const orderId = await ownOrder(ticket, user, signal);
    if (ticket.version <= version) return; // something as new came meanwhile
    version = ticket.version;
    swap(head, ticketHead(ticket, ticketTag(ticket)));
    swap(next, whatNext(ticket, user, orderId));
  }

  const load = async () => show(await get(path, signal));
  await load();
  subscribe("/api/tickets/events", { ticket: show, reset: load }, load, signal);
  return h("article", { class: "one-ticket" }, head, next);
}

function whatNext(ticket, user, orderId) {
  if (orderId) return ordered(ticket, orderId);
  if (ticket.userId === user?.id) return selling(ticket);
  if (ticket.status === "free") return buying(ticket, user);
  return taken(ticket);
}

function buying(ticket, user) {
  const text = "It is held for you while you pay, and nobody else can take it meanwhile.";
  const here = `/tickets/${ticket.id}`;
  if (!user) {
    const actions = [linkButton(signInFirst(here), "Sign in to buy")];
    return notice({ heading: "You can have this ticket", text, actions });
  }
  const submit = () => buy(ticket, user);
  const purchase = form({ button: "Buy this ticket", busy: "Holding it for you", submit });
  return notice({ heading: "You can have this ticket", text, actions: [purchase] });
}

async function buy(ticket, user) {
  try {
    const { body } = await send("POST", "/api/orders", { ticketId: ticket.id });
    await go(`/orders/${body.id}`);
  } catch (error) {
    const held = error.status === 409 && (await heldBy(user, ticket.id));
    if (!held) throw error;
    await go(`/orders/${held.id}`); // the answer to an earlier press was lost
  }
}

function selling({ id, status }) {
  const [heading, text] = {
    free: ["You are selling this ticket", "Everybody can see it. You can change it until somebody wants it."],
    held: ["Somebody is buying your ticket", "Until they have paid, or their time is over, it cannot be changed."],
    sold: ["You sold this ticket", "The buyer has paid."],
  }[status];
  const actions = status === "free" ? [linkButton(`/tickets/${id}/edit`, "Edit")] : [];
  return notice({ heading, text, actions: [...actions, linkButton("/my-tickets", "My tickets", { quiet: true })] });
}

function ordered({ status }, orderId) {
  const isPaid = status === "sold";
  return notice({
    heading: isPaid ? "This ticket is yours" : "You are holding this ticket",
    text: isPaid ? "You paid for it." : "Pay before your time is over, or let it go.",
    actions: [linkButton(`/orders/${orderId}`, isPaid ? "See your order" : "Go on to pay")],
  });
}

function taken({ status }) {
  const isSold = status === "sold";
  return notice({
    heading: isSold ? "This ticket is sold" : "Somebody is buying this ticket",
    text: isSold
      ? "There may be others."
      : "If they do not pay in time it is for sale again, and this page shows it at once.",
    actions: [linkButton("/", "See what is for sale", { quiet: true })],
  });
}

async function ownOrder({ id, orderId }, user, signal) {
  if (!user || !orderId) return null;
  const order = await heldBy(user, id, signal);
  return order?.id === orderId ? orderId : null;
}

/** The visitor's order of a ticket that is not cancelled, if there is one. */
async function heldBy(user, ticketId, signal) {
  const orders = await get("/api/orders?limit=100", signal);
  return orders.find(({ ticket }) => ticket.id === ticketId);
}
