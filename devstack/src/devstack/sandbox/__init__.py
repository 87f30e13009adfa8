"""A small server that behaves like Stripe's API, as far as this system uses it."""
