"""The whole system on one machine: launcher, Stripe sandbox, test fixtures."""
