"""What services say to each other: a promise, so everything here is append-only."""
