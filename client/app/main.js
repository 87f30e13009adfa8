// Starts the client.

import { watchConnection } from "./connection.js";
import { showAccount } from "./parts/account.js";
import { startRouter } from "./router.js";

const main = document.getElementById("main");

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
watchConnection(document.getElementById("banner"));
showAccount(document.getElementById("account"));
startRouter();
