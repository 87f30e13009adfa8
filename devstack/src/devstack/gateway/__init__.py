"""The one address of the system: Caddy in the place of the ingress."""
