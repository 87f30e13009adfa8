// Requests to the services; every failure is one of two errors with a message for people.

import { readClock } from "./clock.js";
import { markOnline, markOffline } from "./connection.js";

const TIMEOUT = 30_000;
const MAX_ATTEMPTS = 4;

/** An error response: its status, and its errors as `{message, field?}`. */
export class HttpError extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.message).join(". "));
    this.status = status;
    this.errors = errors;
  }
}

/** No response arrived, so it is unknown whether the request was executed. */
export class NetworkError extends Error {
  constructor() {
    super("The server cannot be reached. Check your connection and try again.");
  }
}

/** The body of a response. */
export async function get(path, signal) {
  return (await request("GET", path, { signal })).body;
}

/** One page of a list, and the address of the next page if there is one. */
export async function getPage(path, signal) {
  const { body, headers } = await request("GET", path, { signal });
  const [, next = null] = /<([^>]+)>; rel="next"/.exec(headers.get("Link") ?? "") ?? [];
  return { items: body, next };
}

/** The response to a command: `{status, body}`. */
export function send(method, path, content = {}) {
  return request(method, path, { content });
}

async function request(method, path, { content, signal }) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetchOnce(method, path, content, signal);
    const isUnavailable = answer.status === 502 || answer.status === 503;
    if (!isUnavailable || method !== "GET" || attempt === MAX_ATTEMPTS) return parse(answer);
    await new Promise((resume) => setTimeout(resume, 500 * attempt));
  }
}

async function fetchOnce(method, path, content, signal) {
  const sentAt = performance.now();
  const timeout = AbortSignal.timeout(TIMEOUT);
  try {
    const answer = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(content && {
        body: JSON.stringify(content),
        headers: { "Content-Type": "application/json" },
      }),
    });
    const text = await answer.text();
    readClock(answer.headers, sentAt);
    markOnline();
    return { status: answer.status, ok: answer.ok, headers: answer.headers, text };
  } catch (error) {
    if (signal?.aborted) throw error;
    markOffline();
    throw new NetworkError();
  }
}

function parse({ status, ok, headers, text }) {
  const isJson = (headers.get("Content-Type") ?? "").includes("json");
  const body = isJson && text ? JSON.parse(text) : null;
  if (ok) return { status, headers, body };
  throw new HttpError(status, body?.errors ?? [{ message: "Something went wrong" }]);
}
