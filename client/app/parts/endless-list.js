// An infinite list: the next page is loaded when the end comes into view.

import { getPage } from "../api.js";
import { h } from "../dom.js";

const AHEAD = "600px";

/**
 * The list that begins with the page `first`. `row` makes an element of an item, with its id in
 * `data-id`; `rows` is the element that holds them.
 */
export function endlessList({ first, row, name, signal }) {
  const list = h("ul", { class: "tickets", "aria-label": name });
  const more = h("button", { class: "button quiet", type: "button" }, "Show more");
  const rowOf = (id) => list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  let next = null;
  let loading = false;

  function add(page) {
    next = page.next;
    more.hidden = !next;
    list.append(...page.items.filter(({ id }) => !rowOf(id)).map(row));
    observer.unobserve(more);
    observer.observe(more); // to be notified again if it is in view
  }

  async function loadMore() {
    if (loading || !next) return;
    loading = true;
    more.textContent = "Loading";
    try {
      add(await getPage(next, signal));
    } catch {
      // the button stays, to try again
    } finally {
      loading = false;
      more.textContent = "Show more";
    }
  }

  const seen = ([{ isIntersecting }]) => isIntersecting && loadMore();
  const observer = new IntersectionObserver(seen, { rootMargin: AHEAD });
  more.addEventListener("click", loadMore);
  signal.addEventListener("abort", () => observer.disconnect());
  add(first);
  return { element: h("div", { class: "endless" }, list, more), rows: list, rowOf, hasMore: () => next !== null };
}

/** A page that holds at least `wanted` items, or all there are. */
export async function atLeast(wanted, path, signal) {
  let { items, next } = await getPage(path, signal);
  while (next && items.length < wanted) {
    const page = await getPage(next, signal);
    items = [...items, ...page.items];
    next = page.next;
  }
  return { items, next };
}
