// Sign up and sign in: the same form, two doors.

import { h } from "../dom.js";
import { field, form } from "../parts/form.js";
import { go } from "../router.js";
import { signIn, signUp } from "../session.js";

/** Sign in, and go on to where the visitor came from. */
export function signInPage({ query }) {
  return page({
    heading: "Sign in",
    text: query.has("next") ? "Sign in, and you go on where you were." : "Good to see you again.",
    password: { label: "Password", autocomplete: "current-password" },
    button: "Sign in",
    busy: "Signing in",
    send: signIn,
    next: query.get("next"),
    other: ["No account yet? ", "/signup", "Sign up"],
  });
}

/** Open an account, and go on to where the visitor came from. */
export function signUpPage({ query }) {
  return page({
    heading: "Sign up",
    text: "One account to buy and to sell.",
    password: {
      label: "Password",
      autocomplete: "new-password",
      hint: "At least 8 characters; a few words are easy to remember.",
    },
    button: "Sign up",
    busy: "Signing up",
    send: signUp,
    next: query.get("next"),
    other: ["You have an account? ", "/signin", "Sign in"],
  });
}

function page({ heading, text, password, button, busy, send, next, other: [question, path, link] }) {
  const fields = [
    field({ name: "email", label: "E-mail", type: "email", autocomplete: "username" }),
    field({ name: "password", type: "password", ...password }),
  ];
  const submit = async (credentials) => {
    await send(credentials);
    await go(next ?? "/", { replace: true });
  };
  const address = next ? `${path}?next=${encodeURIComponent(next)}` : path;
  return h(
    "div",
    { class: "narrow" },
    h("h1", {}, heading),
    h("p", { class: "lead" }, text),
    form({ fields, button, busy, submit }),
    h("p", { class: "aside" }, question, h("a", { href: address }, link)),
  );
}
