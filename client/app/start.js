// Puts the parts that every page has to work, and shows the first page.

import { watchConnection } from "./connection.js";
import { showAccount } from "./parts/account.js";
import { startRouter } from "./router.js";

/** Begin, once the document is there. */
export function start() {
  const main = document.getElementById("main");
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  watchConnection(document.getElementById("banner"));
  showAccount(document.getElementById("account"));
  startRouter();
}
