"""The HTTP side that all services share: sessions, bodies, paging and errors."""
