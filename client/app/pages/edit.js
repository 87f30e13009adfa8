// Changes the title and the price of a ticket.

import { announce } from "../announce.js";
import { get, send } from "../api.js";
import { h } from "../dom.js";
import { linkButton, notice } from "../parts/notice.js";
import { ticketForm } from "../parts/ticket-form.js";
import { go } from "../router.js";

/** The form; the ticket's page comes next. */
export async function editPage({ params, user, signal }) {
  const path = `/api/tickets/${params.id}`;
  const ticket = await get(path, signal);
  if (ticket.userId !== user.id || ticket.status !== "free") return cannotEdit(ticket, user);
  const submit = async (changed) => {
    await send("PUT", path, changed);
    await go(`/tickets/${params.id}`, { replace: true });
    announce("Your ticket is changed.");
  };
  const leave = h("a", { href: `/tickets/${params.id}` }, "Leave it as it is");
  const instead = h("p", { class: "aside" }, leave);
  return h(
    "div",
    {},
    h("h1", {}, "Edit your ticket"),
    h("p", { class: "lead" }, "Buyers see the change at once."),
    ticketForm({ ...ticket, button: "Save", busy: "Saving", submit, instead }),
  );
}

function cannotEdit(ticket, user) {
  const isMine = ticket.userId === user.id;
  return notice({
    level: "h1",
    heading: isMine ? "This ticket cannot be changed now" : "This is not your ticket",
    text: isMine
      ? "Somebody holds it, or has bought it, for the price they saw."
      : "Only who sells a ticket can change it.",
    actions: [linkButton(`/tickets/${ticket.id}`, "See the ticket")],
  });
}
