// Pays for an order with a card: Stripe's form, the bank's question, the payment.

import { send } from "../api.js";
import { freshId, h, swap } from "../dom.js";
import { money } from "../format.js";
import { stripe } from "../stripe.js";
import { form } from "./form.js";

const TEST_MODE = "Test mode: only test cards work, and no money moves.";

/** The form; `reload` loads the order again, and `signal` is aborted when the order is final. */
export function checkout(order, reload, signal) {
  const element = h("div", { class: "checkout" });
  const box = h("div", { class: "card-box", "aria-busy": "true" });
  const hint = h("p", { class: "hint" });
  const label = freshId("card");
  const content = [h("p", { id: label, class: "label" }, "Card"), box, hint];
  let pay = null;

  async function prepare() {
    swap(element, h("div", { role: "group", "aria-labelledby": label }, payForm));
    try {
      const { stripe: service, isTest } = await stripe();
      const card = mountCard(service, box);
      hint.textContent = isTest ? TEST_MODE : "";
      pay = () => payWith(service, card, order);
    } catch (error) {
      swap(element, retry(error));
    }
  }

  function retry(error) {
    const submit = async () => prepare();
    const again = form({ button: "Try again", busy: "Loading", submit });
    return h("div", {}, h("p", { class: "problem" }, error.message), again);
  }

  const payForm = form({
    content,
    button: `Pay ${money(order.ticket.price)}`,
    busy: "Paying, one moment",
    submit: async () => {
      if (!pay) return;
      await pay();
      await reload();
      await final(signal);
    },
  });
  prepare();
  return element;
}

function mountCard(service, box) {
  const { color, fontFamily } = getComputedStyle(box);
  const style = { base: { color, fontFamily, fontSize: "17px" } };
  const card = service.elements().create("card", { style });
  card.mount(box);
  box.removeAttribute("aria-busy");
  return card;
}

/** Ends when the card is charged or the bank still thinks; throws when it said no. */
async function payWith(service, card, order) {
  const { paymentMethod, error } = await service.createPaymentMethod({ type: "card", card });
  if (error) throw new Error(error.message);
  const payment = { orderId: order.id, token: paymentMethod.id };
  const { body } = await send("POST", "/api/payments", payment);
  if (!body.clientSecret) return;
  await service.handleNextAction({ clientSecret: body.clientSecret });
  await send("POST", "/api/payments", payment); // so that the answer is looked up at once
}

function final(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", resolve);
  });
}
