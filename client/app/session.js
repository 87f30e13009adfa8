// Who is signed in, as the auth service says; other tabs are told about changes.

import { get, send } from "./api.js";

/** Dispatches "changed" when a user signed in or out. */
export const session = new EventTarget();

const tabs = new BroadcastChannel("session");
let cached = null;

/** The user, or null; requested once and then cached. */
export function currentUser() {
  cached ??= get("/api/users/currentuser").then(({ currentUser: user }) => user);
  cached.catch(forget);
  return cached;
}

/** Open an account and sign in. */
export function signUp(credentials) {
  return openSession("/api/users/signup", credentials);
}

/** Sign in. */
export function signIn(credentials) {
  return openSession("/api/users/signin", credentials);
}

/** Sign out. */
export async function signOut() {
  await send("POST", "/api/users/signout");
  setUser(null);
}

/** The session ended by itself: somebody has to sign in again. */
export function forget() {
  cached = null;
}

async function openSession(path, credentials) {
  const { body } = await send("POST", path, credentials);
  setUser(body);
}

function setUser(user) {
  cached = Promise.resolve(user);
  session.dispatchEvent(new Event("changed"));
  tabs.postMessage("changed");
}

tabs.addEventListener("message", () => {
  forget();
  session.dispatchEvent(new Event("changed"));
});
