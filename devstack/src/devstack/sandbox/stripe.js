// Stands in for Stripe.js: the part of it that a card form needs, with the published test cards.
// It keeps to a strict Content-Security-Policy: no markup from text, no style attribute in markup.
(() => {
  "use strict";

  const sandbox = new URL("..", document.currentScript.src);
  const CARDS = [
    ["4242424242424242", "4242 4242 4242 4242, paid"],
    ["5555555555554444", "5555 5555 5555 4444, paid"],
    ["4000000000000002", "4000 0000 0000 0002, declined"],
    ["4000000000009995", "4000 0000 0000 9995, not enough money"],
    ["4000002500003155", "4000 0025 0000 3155, the bank asks first"],
    ["4242424242424241", "4242 4242 4242 4241, no such number"],
  ];
  const UNREACHABLE = { type: "api_connection_error", message: "Stripe cannot be reached." };

  function make(name, properties = {}, children = []) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  function styled(element, styles) {
    Object.assign(element.style, styles);
    return element;
  }

  async function ask(path, key, body) {
    const headers = { Authorization: `Bearer ${key}` };
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    try {
      const answer = await fetch(new URL(path, sandbox), { method: "POST", headers, body });
      const found = await answer.json();
      return answer.ok ? { found } : { error: found.error };
    } catch {
      return { error: UNREACHABLE };
    }
  }

  class Card {
    #form;
    #select;
    #listeners = {};

    constructor({ disabled = false } = {}) {
      const options = CARDS.map(([value, text]) => make("option", { value, text }));
      this.#select = make("select", { disabled }, options);
      styled(this.#select, { font: "inherit", width: "100%", boxSizing: "border-box", padding: "0.5em" });
      this.#form = make("label", {}, ["Test card ", this.#select]);
      this.#select.addEventListener("change", () => this.#say("change"));
      this.#select.addEventListener("focus", () => this.#say("focus"));
      this.#select.addEventListener("blur", () => this.#say("blur"));
    }

    get number() {
      return this.#select.value;
    }

    mount(place) {
      const parent = typeof place === "string" ? document.querySelector(place) : place;
      if (!parent) throw new Error(`The selector you specified (${place}) applies to no DOM elements.`);
      parent.replaceChildren(this.#form);
      queueMicrotask(() => {
        this.#say("ready");
        this.#say("change");
      });
    }

    unmount() {
      this.#form.remove();
    }

    destroy() {
      this.unmount();
    }

    focus() {
      this.#select.focus();
    }

    clear() {
      this.#select.selectedIndex = 0;
    }

    update({ disabled = this.#select.disabled } = {}) {
      this.#select.disabled = disabled;
    }

    on(event, listener) {
      (this.#listeners[event] ??= []).push(listener);
      return this;
    }

    #say(event) {
      const told = { elementType: "card", empty: false, complete: true, error: undefined };
      for (const listener of this.#listeners[event] ?? []) listener(told);
    }
  }

  // The bank's question; true, false, or null when the buyer closes it without an answer.
  function question() {
    return new Promise((resolve) => {
      const title = make("h2", { id: "stripe-sandbox-question", textContent: "Your bank asks: is it you?" });
      const yes = make("button", { type: "button", textContent: "Complete authentication" });
      const no = make("button", { type: "button", textContent: "Fail authentication" });
      const dialog = make("dialog", {}, [title, yes, " ", no]);
      dialog.setAttribute("aria-labelledby", title.id);
      for (const button of [yes, no]) styled(button, { font: "inherit", padding: "0.5em 1em" });
      let answer = null;
      yes.addEventListener("click", () => dialog.close((answer = true)));
      no.addEventListener("click", () => dialog.close((answer = false)));
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(answer);
      });
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  window.Stripe = (key) => ({
    elements: () => ({ create: (_kind, options) => new Card(options) }),

    async createPaymentMethod({ card }) {
      const body = new URLSearchParams({ type: "card", "card[number]": card.number });
      const { found, error } = await ask("v1/payment_methods", key, body);
      return error ? { error } : { paymentMethod: found };
    },

    async handleNextAction({ clientSecret }) {
      const success = (await question()) === true;
      const intent = clientSecret.split("_secret_")[0];
      const path = `_sandbox/intents/${intent}/authenticate`;
      const { found, error } = await ask(path, key, JSON.stringify({ success }));
      if (error) return { error };
      return success ? { paymentIntent: found } : { error: found.last_payment_error };
    },
  });
})();
