// Who is signed in, as the auth service says; other tabs hear of a change.

import { get, send } from "./api.js";

/** Tells "changed" when somebody signed in or out. */
export const session = new EventTarget();

const tabs = new BroadcastChannel("session");
let known = null;

/** The user, or null; asked once and then remembered. */
export function currentUser() {
  known ??= get("/api/users/currentuser").then(({ currentUser: user }) => user);
  known.catch(forget);
  return known;
}

/** Open an account and sign in. */
export function signUp(credentials) {
  return begin("/api/users/signup", credentials);
}

/** Sign in. */
export function signIn(credentials) {
  return begin("/api/users/signin", credentials);
}

/** Sign out. */
export async function signOut() {
  await send("POST", "/api/users/signout");
  change(null);
}

/** The session ended by itself: somebody has to sign in again. */
export function forget() {
  known = null;
}

async function begin(path, credentials) {
  const { body } = await send("POST", path, credentials);
  change(body);
}

function change(user) {
  known = Promise.resolve(user);
  session.dispatchEvent(new Event("changed"));
  tabs.postMessage("changed");
}

tabs.addEventListener("message", () => {
  forget();
  session.dispatchEvent(new Event("changed"));
});
