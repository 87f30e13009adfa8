// What is for sale: search as you type, and scroll without end.

import { h } from "../dom.js";
import { atLeast, endlessList } from "../parts/endless-list.js";
import { linkButton, notice } from "../parts/notice.js";
import { cardsSkeleton } from "../parts/skeletons.js";
import { searchField } from "../parts/search-field.js";
import { ticketCard } from "../parts/ticket-card.js";
import { remember } from "../router.js";
import { syncList } from "./list-sync.js";
import { problemPage } from "./problem.js";

const PAGE = 24;
const PATIENCE = 300; // ms before a slow search shows that it works

/** The search and what it finds. */
export async function browsePage({ query, remembered, signal }) {
  const count = h("p", { class: "count", role: "status" });
  const results = h("div", { class: "results" });
  let search = new AbortController();

  async function find(words, wanted = PAGE) {
    search.abort();
    search = new AbortController();
    const until = AbortSignal.any([signal, search.signal]);
    const slow = setTimeout(() => results.replaceChildren(cardsSkeleton()), PATIENCE);
    try {
      const first = await atLeast(wanted, pathOf(words), until);
      results.replaceChildren(found(words, first, until));
    } finally {
      clearTimeout(slow);
    }
  }

  async function findAgain(words) {
    try {
      await find(words);
    } catch (error) {
      if (error.name !== "AbortError") results.replaceChildren(problemPage(error, () => findAgain(words)));
    }
  }

  function found(words, first, until) {
    const list = endlessList({ first, row: ticketCard, name: "Tickets for sale", signal: until });
    const element = h("div", {}, list.element);
    const update = () => {
      const shown = list.rows.children.length;
      remember({ shown });
      count.textContent = counted(shown, list.hasMore());
      if (shown === 0) list.element.replaceWith(nothing(words));
    };
    new MutationObserver(update).observe(list.rows, { childList: true });
    update();
    const refresh = () => atLeast(PAGE, pathOf(words), until);
    syncList({ list, words, refresh, reload: () => findAgain(words), element, signal: until });
    return element;
  }

  const words = query.get("q") ?? "";
  await find(words, remembered.shown);
  const hero = h("div", { class: "hero" }, h("h1", {}, "Tickets for sale"), searchField(words, findAgain), count);
  return h("div", {}, hero, results);
}

function pathOf(words) {
  return `/api/tickets?limit=${PAGE}${words && `&q=${encodeURIComponent(words)}`}`;
}

function counted(shown, hasMore) {
  if (shown === 0) return "";
  if (hasMore) return `${shown} tickets, and more below`;
  return shown === 1 ? "1 ticket" : `${shown} tickets`;
}

function nothing(words) {
  if (words) {
    return notice({
      heading: `Nothing is called “${words}”`,
      text: "Try fewer letters or another word. New tickets appear here by themselves.",
      actions: [linkButton("/", "See all tickets", { quiet: true })],
    });
  }
  return notice({
    heading: "Nothing is for sale right now",
    text: "Have a ticket that you cannot use? Somebody else will be glad about it.",
    actions: [linkButton("/sell", "Sell a ticket")],
  });
}
