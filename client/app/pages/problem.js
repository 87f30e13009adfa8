// The pages for an address that leads nowhere, and for what could not be loaded.

import { h } from "../dom.js";
import { linkButton, notice } from "../parts/notice.js";

/** There is no such page. */
export function missingPage() {
  return notice({
    level: "h1",
    heading: "Nothing here",
    text: "This address leads nowhere. Maybe it was mistyped, or what was here is gone.",
    actions: [linkButton("/", "See what is for sale")],
  });
}

/** Something went wrong; `again` tries once more. */
export function problemPage(error, again) {
  return notice({
    level: "h1",
    heading: "This did not work",
    text: `${error.message.replace(/\.$/, "")}.`,
    actions: [
      h("button", { class: "button", type: "button", onclick: again }, "Try again"),
      linkButton("/", "See what is for sale", { quiet: true }),
    ],
  });
}
