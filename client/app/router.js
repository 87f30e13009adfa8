// Shows the page of the address: on links, on back and forward, and when the server is back.

import { HttpError, NetworkError } from "./api.js";
import { connection } from "./connection.js";
import { missingPage, problemPage } from "./pages/problem.js";
import { routeOf } from "./routes.js";
import { currentUser, forget } from "./session.js";

const SKELETON_DELAY = 150; // ms before a loading page shows its skeleton

const main = document.getElementById("main");
let page = new AbortController();
let failed = false;
let scrolled;

/** Show the page of the present address, and of every address from now on. */
export function startRouter() {
  history.scrollRestoration = "manual";
  document.addEventListener("click", followLink);
  addEventListener("popstate", () => show({ moves: true }));
  addEventListener("scroll", rememberScroll, { passive: true });
  connection.addEventListener("online", () => failed && show());
  return show({ delay: 0 });
}

/** Go to an address of this site. */
export function go(address, { replace = false } = {}) {
  const url = new URL(address, location.origin);
  if (url.origin !== location.origin) return go("/", { replace });
  saveScroll();
  history[replace ? "replaceState" : "pushState"](null, "", url);
  return show({ moves: true });
}

/** Show the page of the present address anew. */
export function reload() {
  return show();
}

/** Keep something for when the visitor comes back to this entry of the history. */
export function remember(things) {
  history.replaceState({ ...history.state, ...things }, "");
}

/** Where to sign in before going on to `address`. */
export function signInFirst(address) {
  return `/signin?next=${encodeURIComponent(address)}`;
}

async function show({ moves = false, delay = SKELETON_DELAY } = {}) {
  clearTimeout(scrolled);
  page.abort();
  page = new AbortController();
  const { signal } = page;
  const { route, params } = routeOf(location.pathname);
  const skeleton = setTimeout(() => put(route.skeleton()), delay);
  const { remembered, node } = await render(route, params, signal);
  clearTimeout(skeleton);
  if (signal.aborted) return;
  put(node);
  markSection();
  document.title = `${main.querySelector("h1").textContent} - Ticketing`;
  scrollTo(0, remembered.scroll ?? 0);
  if (moves) main.querySelector("h1").focus({ preventScroll: true });
}

async function render(route, params, signal) {
  const remembered = history.state ?? {};
  failed = false;
  try {
    const user = await currentUser();
    const query = new URLSearchParams(location.search);
    if (route.forUsers && !user) throw new HttpError(401, [{ message: "Not authorized" }]);
    return { remembered, node: await route.page({ params, query, user, remembered, signal }) };
  } catch (error) {
    return { remembered, node: signal.aborted ? null : pageOf(error) };
  }
}

function pageOf(error) {
  if (error instanceof HttpError && error.status === 401) {
    forget();
    go(signInFirst(location.pathname + location.search), { replace: true });
    return null;
  }
  if (error instanceof HttpError && error.status === 404) return missingPage();
  failed = error instanceof NetworkError;
  return problemPage(error, reload);
}

function put(node) {
  main.replaceChildren(node);
  for (const heading of main.querySelectorAll("h1")) heading.tabIndex = -1;
}

function markSection() {
  for (const link of document.querySelectorAll("#sections a")) {
    const isHere = new URL(link.href).pathname === location.pathname;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function followLink(event) {
  const link = event.target.closest("a[href]");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || event.defaultPrevented || link.origin !== location.origin) return;
  event.preventDefault();
  go(link.href);
}

function rememberScroll() {
  clearTimeout(scrolled);
  scrolled = setTimeout(saveScroll, 100);
}

function saveScroll() {
  clearTimeout(scrolled);
  remember({ scroll: scrollY });
}
