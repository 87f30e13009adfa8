# Targets: client (the browser client's files, for an ingress to lead to) and
# gateway (the last, so the default: the same with the routes of the API, in the place of an ingress).
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim-trixie AS routes
WORKDIR /source
COPY devstack/src/devstack/__init__.py devstack/
COPY devstack/src/devstack/gateway/__init__.py devstack/src/devstack/gateway/routes.py devstack/gateway/
RUN python -m devstack.gateway.routes > /routes.caddy

FROM caddy:2.11-alpine AS client
# A copy without file capabilities: the original may bind low ports, and with all capabilities
# dropped the kernel refuses to start what asks for one.
RUN cp /usr/bin/caddy /usr/local/bin/caddy && : > /srv/routes.caddy
COPY devstack/src/devstack/gateway/Caddyfile /etc/caddy/Caddyfile
# Owned by who runs it, so that `skaffold dev` can replace files.
COPY --chown=10001:10001 client /srv/client
ENV GATEWAY_HOST=0.0.0.0 GATEWAY_PORT=8080 CLIENT_FOLDER=/srv/client ROUTES_FILE=/srv/routes.caddy \
    ACCESS_LOG=stdout XDG_CONFIG_HOME=/tmp XDG_DATA_HOME=/tmp
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ticketing-client" \
      org.opencontainers.image.description="The browser client of Ticketing" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM client AS gateway
COPY --from=routes /routes.caddy /srv/routes.caddy
LABEL org.opencontainers.image.title="ticketing-gateway" \
      org.opencontainers.image.description="The one address of Ticketing"
