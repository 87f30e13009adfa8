"""HTTP: middlewares, sessions, bodies, paging, errors and probes."""
