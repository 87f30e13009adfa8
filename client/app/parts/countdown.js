// The time that is left, by the server's clock.

import { announce } from "../announce.js";
import { serverNow } from "../clock.js";
import { h } from "../dom.js";
import { minutesAndSeconds } from "../format.js";

const ANNOUNCE_AT = [300, 60, 10]; // seconds before the end

/** Counts down to a moment in ISO 8601 until `signal`; `over` is called at the end. */
export function countdown(until, signal, { over = () => {}, announces = true } = {}) {
  const end = Date.parse(until);
  const element = h("span", { class: "countdown", role: "timer" });
  let timer;
  let before = Infinity;

  function tick() {
    const left = end - serverNow();
    element.textContent = minutesAndSeconds(left);
    const passed = ANNOUNCE_AT.find((seconds) => before > seconds * 1000 && left <= seconds * 1000);
    if (announces && passed && before !== Infinity) announce(`${minutesAndSeconds(left)} left to pay`);
    before = left;
    if (left <= 0) over();
    else timer = setTimeout(tick, left % 1000 || 1000);
  }

  signal.addEventListener("abort", () => clearTimeout(timer));
  tick();
  return element;
}
