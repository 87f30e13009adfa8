// Puts a ticket up for sale.

import { announce } from "../announce.js";
import { send } from "../api.js";
import { h } from "../dom.js";
import { ticketForm } from "../parts/ticket-form.js";
import { go } from "../router.js";

/** The form; the new ticket's page comes next. */
export function sellPage() {
  const submit = async (ticket) => {
    const { body } = await send("POST", "/api/tickets", ticket);
    await go(`/tickets/${body.id}`);
    announce("Your ticket is for sale.");
  };
  return h(
    "div",
    {},
    h("h1", {}, "Sell a ticket"),
    h("p", { class: "lead" }, "It is for sale at once, and you can change it until somebody wants it."),
    ticketForm({ button: "Put up for sale", busy: "Putting it up", submit }),
  );
}
