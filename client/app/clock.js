// The server's time, read from its answers, so that a wrong clock here does no harm.

let ahead = Date.now() - performance.now();
let isExact = false;

/** Learn from an answer to a request that was sent at `sentAt` (of performance.now()). */
export function readClock(headers, sentAt) {
  const exact = headers.get("X-Server-Time");
  const time = Date.parse(exact ?? headers.get("Date"));
  if (Number.isNaN(time) || (isExact && !exact)) return;
  isExact = Boolean(exact);
  ahead = time - (sentAt + performance.now()) / 2;
}

/** Now, as the server sees it, in milliseconds since 1970. */
export function serverNow() {
  return performance.now() + ahead;
}
