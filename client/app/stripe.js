// Loads Stripe.js from where the payments service says, once and only when a card is to be paid.

import { get } from "./api.js";

let loading = null;

/** Stripe's object, made with the publishable key, and whether it moves no money. */
export function stripe() {
  loading ??= load();
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

async function load() {
  const { publishableKey, stripeJs } = await get("/api/payments/config");
  await run(stripeJs);
  return { stripe: window.Stripe(publishableKey), isTest: publishableKey.startsWith("pk_test_") };
}

function run(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error("The card form could not be loaded. Check your connection and try again."));
    };
    document.head.append(script);
  });
}
