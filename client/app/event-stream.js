// Keeps a visible page up to date: by Server-Sent Events, or by polling.

import { connection } from "./connection.js";

const POLL_EVERY = 3000;
const RECONNECT_EVERY = 30_000;

/**
 * Subscribe to the stream at `path` until `signal`. `handlers` has a function per event type.
 * `refresh` loads the present state: whenever the stream is opened, and every few seconds where
 * there is none. A hidden page subscribes to nothing.
 */
export function subscribe(path, handlers, refresh, signal) {
  let stream = null;
  let polling = null;
  let reconnecting = null;

  function start() {
    stop();
    if (document.hidden || signal.aborted) return;
    stream = new EventSource(path);
    for (const [kind, handler] of Object.entries(handlers)) {
      stream.addEventListener(kind, (event) => dispatch(handler, event.data));
    }
    stream.onopen = () => {
      stopPolling();
      load();
    };
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) poll(); // otherwise it comes back by itself
    };
  }

  async function dispatch(handler, text) {
    try {
      await handler(text ? JSON.parse(text) : null);
    } catch {
      if (!signal.aborted) load(); // what it needed besides did not come: once more from the start
    }
  }

  function poll() {
    stopPolling();
    polling = setInterval(load, POLL_EVERY);
    reconnecting = setTimeout(start, RECONNECT_EVERY);
  }

  function load() {
    refresh().catch(() => {}); // the banner says what is wrong, and the next time comes soon
  }

  function stopPolling() {
    clearInterval(polling);
    clearTimeout(reconnecting);
  }

  function stop() {
    stream?.close();
    stopPolling();
  }

  function resume() {
    start();
    if (!document.hidden) load();
  }

  document.addEventListener("visibilitychange", resume, { signal });
  connection.addEventListener("online", resume, { signal });
  connection.addEventListener("offline", stop, { signal });
  signal.addEventListener("abort", stop);
  start();
}
