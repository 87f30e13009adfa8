"""TCP proxies between servers, whose links can be cut or slowed, each direction for itself."""
