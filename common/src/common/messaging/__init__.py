"""How services say it: the bus, the outbox, the consumer and the dead letters."""
