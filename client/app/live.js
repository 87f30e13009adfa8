// Keeps a page true while it is looked at: a stream of events, or asking again and again.

import { connection } from "./connection.js";

const POLL_EVERY = 3000;
const TRY_STREAM_EVERY = 30_000;

/**
 * Follow the stream at `path` until `signal`. `heard` has a function for each kind of event.
 * `refresh` loads the present state: whenever the stream begins anew, and every few seconds where
 * there is none. A page that nobody sees follows nothing.
 */
export function follow(path, heard, refresh, signal) {
  let stream = null;
  let polling = null;
  let trying = null;

  function start() {
    stop();
    if (document.hidden || signal.aborted) return;
    stream = new EventSource(path);
    for (const [kind, hear] of Object.entries(heard)) {
      stream.addEventListener(kind, (event) => tell(hear, event.data));
    }
    stream.onopen = () => {
      stopPolling();
      load();
    };
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) poll(); // otherwise it comes back by itself
    };
  }

  async function tell(hear, text) {
    try {
      await hear(text ? JSON.parse(text) : null);
    } catch {
      if (!signal.aborted) load(); // what it needed besides did not come: once more from the start
    }
  }

  function poll() {
    stopPolling();
    polling = setInterval(load, POLL_EVERY);
    trying = setTimeout(start, TRY_STREAM_EVERY);
  }

  function load() {
    refresh().catch(() => {}); // the banner says what is wrong, and the next time comes soon
  }

  function stopPolling() {
    clearInterval(polling);
    clearTimeout(trying);
  }

  function stop() {
    stream?.close();
    stopPolling();
  }

  function look() {
    start();
    if (!document.hidden) load();
  }

  document.addEventListener("visibilitychange", look, { signal });
  connection.addEventListener("back", look, { signal });
  connection.addEventListener("lost", stop, { signal });
  signal.addEventListener("abort", stop);
  start();
}
