// The routes: the page of each address, and its skeleton while it loads.

import { browsePage } from "./pages/browse.js";
import { editPage } from "./pages/edit.js";
import { myTicketsPage } from "./pages/my-tickets.js";
import { orderPage } from "./pages/order.js";
import { ordersPage } from "./pages/orders.js";
import { missingPage } from "./pages/problem.js";
import { sellPage } from "./pages/sell.js";
import { signInPage, signUpPage } from "./pages/sign-in.js";
import { ticketPage } from "./pages/ticket.js";
import { formSkeleton, listSkeleton, ticketSkeleton } from "./parts/skeletons.js";

const ROUTES = [
  { path: "/", page: browsePage, skeleton: listSkeleton },
  { path: "/signin", page: signInPage, skeleton: formSkeleton },
  { path: "/signup", page: signUpPage, skeleton: formSkeleton },
  { path: "/sell", page: sellPage, skeleton: formSkeleton, forUsers: true },
  { path: "/my-tickets", page: myTicketsPage, skeleton: listSkeleton, forUsers: true },
  { path: "/tickets/:id", page: ticketPage, skeleton: ticketSkeleton },
  { path: "/tickets/:id/edit", page: editPage, skeleton: formSkeleton, forUsers: true },
  { path: "/orders", page: ordersPage, skeleton: listSkeleton, forUsers: true },
  { path: "/orders/:id", page: orderPage, skeleton: ticketSkeleton, forUsers: true },
];
const MISSING = { page: missingPage, skeleton: formSkeleton };

/** The route of a path, with what the path says. */
export function routeOf(path) {
  for (const route of ROUTES) {
    const found = new RegExp(`^${route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`).exec(path);
    if (found) return { route, params: { ...found.groups } };
  }
  return { route: MISSING, params: {} };
}
