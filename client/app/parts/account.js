// The corner of the page that says who is signed in.

import { h } from "../dom.js";
import { go } from "../router.js";
import { currentUser, session, signOut } from "../session.js";

/** Keep `corner` true whoever signs in or out. */
export function showAccount(corner) {
  const show = async () => {
    const user = await currentUser().catch(() => null);
    corner.replaceChildren(...(user ? signedIn(user) : signedOut()));
  };
  session.addEventListener("changed", show);
  show();
}

function signedIn(user) {
  const leave = async () => {
    await signOut().then(() => go("/"), () => {}); // the banner says why not
  };
  return [
    h("span", { class: "who", title: user.email }, user.email),
    h("button", { class: "button quiet small", type: "button", onclick: leave }, "Sign out"),
  ];
}

function signedOut() {
  return [
    h("a", { class: "quiet-link", href: "/signin" }, "Sign in"),
    h("a", { class: "button small", href: "/signup" }, "Sign up"),
  ];
}
