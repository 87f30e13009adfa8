// Asks the services, and turns every failure into one of two errors with words for people.

import { readClock } from "./clock.js";
import { find, lose } from "./connection.js";

const PATIENCE = 30_000;
const TRIES = 4;

/** The server said no: its status, and what is wrong as `{message, field?}`. */
export class Refused extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.message).join(". "));
    this.status = status;
    this.errors = errors;
  }
}

/** No answer came, so nobody knows whether the request was carried out. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached. Check your connection and try again.");
  }
}

/** The body of an answer. */
export async function get(path, signal) {
  return (await ask("GET", path, { signal })).body;
}

/** One page of a list, and the address of the next page if there is one. */
export async function getPage(path, signal) {
  const { body, headers } = await ask("GET", path, { signal });
  const [, next = null] = /<([^>]+)>; rel="next"/.exec(headers.get("Link") ?? "") ?? [];
  return { items: body, next };
}

/** The answer to a command: `{status, body}`. */
export function send(method, path, content = {}) {
  return ask(method, path, { content });
}

async function ask(method, path, { content, signal }) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetchOnce(method, path, content, signal);
    const isAway = answer.status === 502 || answer.status === 503;
    if (!isAway || method !== "GET" || attempt === TRIES) return read(answer);
    await new Promise((resume) => setTimeout(resume, 500 * attempt));
  }
}

async function fetchOnce(method, path, content, signal) {
  const sentAt = performance.now();
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    const answer = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      ...(content && {
        body: JSON.stringify(content),
        headers: { "Content-Type": "application/json" },
      }),
    });
    const text = await answer.text();
    readClock(answer.headers, sentAt);
    find();
    return { status: answer.status, ok: answer.ok, headers: answer.headers, text };
  } catch (error) {
    if (signal?.aborted) throw error;
    lose();
    throw new Unreachable();
  }
}

function read({ status, ok, headers, text }) {
  const isJson = (headers.get("Content-Type") ?? "").includes("json");
  const body = isJson && text ? JSON.parse(text) : null;
  if (ok) return { status, headers, body };
  throw new Refused(status, body?.errors ?? [{ message: "Something went wrong" }]);
}
