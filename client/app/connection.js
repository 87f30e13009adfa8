// Knows whether the server can be reached, says so on the page, and notices when it is back.

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;

/** Tells "back" when the server answers again. */
export const connection = new EventTarget();

let isLost = false;
let pause = FIRST_PAUSE;
let timer;

/** Watch the network, and show in `banner` when the server is out of reach. */
export function watchConnection(banner) {
  connection.addEventListener("lost", () => showLost(banner));
  connection.addEventListener("back", () => {
    banner.hidden = true;
  });
  addEventListener("offline", lose);
  addEventListener("online", probe);
}

/** A request did not reach the server. */
export function lose() {
  if (isLost) return;
  isLost = true;
  connection.dispatchEvent(new Event("lost"));
  timer = setTimeout(probe, pause);
}

/** The server answered. */
export function find() {
  if (!isLost) return;
  isLost = false;
  pause = FIRST_PAUSE;
  clearTimeout(timer);
  connection.dispatchEvent(new Event("back"));
}

async function probe() {
  clearTimeout(timer);
  if (!isLost) return;
  try {
    await fetch("/icon.svg", { method: "HEAD", cache: "no-store" });
    find();
  } catch {
    pause = Math.min(pause * 2, LONGEST_PAUSE);
    timer = setTimeout(probe, pause);
  }
}

function showLost(banner) {
  banner.textContent = navigator.onLine
    ? "The server does not answer. This page goes on by itself as soon as it is back."
    : "You are offline. This page goes on by itself as soon as you are back.";
  banner.hidden = false;
}
