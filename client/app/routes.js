// Which address shows which page, and its outline while it loads.

import { browsePage } from "./pages/browse.js";
import { editPage } from "./pages/edit.js";
import { myTicketsPage } from "./pages/my-tickets.js";
import { orderPage } from "./pages/order.js";
import { ordersPage } from "./pages/orders.js";
import { missingPage } from "./pages/problem.js";
import { sellPage } from "./pages/sell.js";
import { signInPage, signUpPage } from "./pages/sign-in.js";
import { ticketPage } from "./pages/ticket.js";
import { formOutline, listOutline, ticketOutline } from "./parts/outlines.js";

const ROUTES = [
  { path: "/", page: browsePage, outline: listOutline },
  { path: "/signin", page: signInPage, outline: formOutline },
  { path: "/signup", page: signUpPage, outline: formOutline },
  { path: "/sell", page: sellPage, outline: formOutline, forUsers: true },
  { path: "/my-tickets", page: myTicketsPage, outline: listOutline, forUsers: true },
  { path: "/tickets/:id", page: ticketPage, outline: ticketOutline },
  { path: "/tickets/:id/edit", page: editPage, outline: formOutline, forUsers: true },
  { path: "/orders", page: ordersPage, outline: listOutline, forUsers: true },
  { path: "/orders/:id", page: orderPage, outline: ticketOutline, forUsers: true },
];
const MISSING = { page: missingPage, outline: formOutline };

/** The route of a path, with what the path says. */
export function routeOf(path) {
  for (const route of ROUTES) {
    const found = new RegExp(`^${route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`).exec(path);
    if (found) return { route, params: { ...found.groups } };
  }
  return { route: MISSING, params: {} };
}
