"""Eventing: the bus, the outbox, the consumer, dead letters, and what repairs losses."""
