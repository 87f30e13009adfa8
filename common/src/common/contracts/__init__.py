"""The contracts between services: published, so everything here is append-only."""
