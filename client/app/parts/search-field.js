// A debounced search field, kept in the address.

import { freshId, h } from "../dom.js";

const DEBOUNCE = 200; // ms without a key

/** `search` gets the words whenever they changed. */
export function searchField(words, search) {
  const id = freshId("search");
  const input = h("input", {
    id,
    class: "input",
    type: "search",
    name: "q",
    value: words,
    maxlength: 100,
    placeholder: "Artist, team, place",
    autocomplete: "off",
    enterkeyhint: "search",
  });
  let before = words;
  let timer;

  function searchNow() {
    clearTimeout(timer);
    const now = input.value.trim();
    if (now === before) return;
    before = now;
    const address = now ? `${location.pathname}?q=${encodeURIComponent(now)}` : location.pathname;
    history.replaceState(null, "", address);
    search(now);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(searchNow, DEBOUNCE);
  });
  const submit = (event) => {
    event.preventDefault();
    searchNow();
  };
  return h(
    "form",
    { class: "search", role: "search", onsubmit: submit },
    h("label", { class: "visually-hidden", for: id }, "Search tickets"),
    input,
  );
}
