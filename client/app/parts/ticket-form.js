// The form of a ticket's title and price, beside the ticket as it will look.

import { h } from "../dom.js";
import { typedPrice } from "../format.js";
import { field, form } from "./form.js";
import { ticketPreview } from "./ticket-card.js";

/** `submit` gets `{title, price}` as the API wants them; `instead` is another way out. */
export function ticketForm({ title = "", price = "", button, busy, submit, instead = null }) {
  const titleField = field({
    name: "title",
    label: "What is the ticket for?",
    hint: "What, who and where, in up to 200 characters.",
    value: title,
    autocomplete: "off",
  });
  const priceField = field({
    name: "price",
    label: "Price in US dollars",
    hint: "From 0.50 to 999999.99, for example 19.99.",
    value: price,
    inputmode: "decimal",
    autocomplete: "off",
  });
  const fields = [titleField, priceField];
  const preview = ticketPreview();
  const show = () => {
    const typed = typedPrice(priceField.input.value);
    preview.show(titleField.input.value, typed === "" ? NaN : Number(typed));
  };
  const element = form({
    fields,
    button,
    busy,
    submit: (values) => submit({ title: values.title, price: typedPrice(values.price) }),
  });
  element.addEventListener("input", show);
  show();
  return h("div", { class: "beside" }, h("div", {}, element, instead), preview.element);
}
