// Tracks whether the server can be reached, shows it on the page, and probes until it is back.

const MIN_BACKOFF = 1000;
const MAX_BACKOFF = 15_000;

/** Dispatches "offline" and "online". */
export const connection = new EventTarget();

let isOffline = false;
let backoff = MIN_BACKOFF;
let timer;

/** Watch the network, and show in `banner` when the server is out of reach. */
export function watchConnection(banner) {
  connection.addEventListener("offline", () => showOffline(banner));
  connection.addEventListener("online", () => {
    banner.hidden = true;
  });
  addEventListener("offline", markOffline);
  addEventListener("online", probe);
}

/** A request did not reach the server. */
export function markOffline() {
  if (isOffline) return;
  isOffline = true;
  connection.dispatchEvent(new Event("offline"));
  timer = setTimeout(probe, backoff);
}

/** The server answered. */
export function markOnline() {
  if (!isOffline) return;
  isOffline = false;
  backoff = MIN_BACKOFF;
  clearTimeout(timer);
  connection.dispatchEvent(new Event("online"));
}

async function probe() {
  clearTimeout(timer);
  if (!isOffline) return;
  try {
    await fetch("/icon.svg", { method: "HEAD", cache: "no-store" });
    markOnline();
  } catch {
    backoff = Math.min(backoff * 2, MAX_BACKOFF);
    timer = setTimeout(probe, backoff);
  }
}

function showOffline(banner) {
  banner.textContent = navigator.onLine
    ? "The server does not answer. This page goes on by itself as soon as it is back."
    : "You are offline. This page goes on by itself as soon as you are back.";
  banner.hidden = false;
}
