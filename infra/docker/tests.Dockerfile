# The Stripe sandbox, and the tests that cross services; never deployed.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim-trixie
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONPATH=/app/common/src:/app/auth/src:/app/tickets/src:/app/orders/src:/app/expiration/src:/app/payments/src:/app/devstack/src
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
COPY infra/docker/tests.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/venv/bin/python install --require-hashes -r tests.lock
# Owned by who runs them, so that `skaffold dev` can replace them.
RUN install --directory --owner=10001 --group=10001 /app
COPY pyproject.toml conftest.py ./
COPY --chown=10001:10001 common/src common/src
COPY --chown=10001:10001 auth/src auth/src
COPY --chown=10001:10001 tickets/src tickets/src
COPY --chown=10001:10001 orders/src orders/src
COPY --chown=10001:10001 expiration/src expiration/src
COPY --chown=10001:10001 payments/src payments/src
COPY --chown=10001:10001 devstack/src devstack/src
COPY --chown=10001:10001 tests/conftest.py tests/
COPY --chown=10001:10001 tests/system tests/system
USER 10001:10001
CMD ["pytest", "-p", "no:cacheprovider", "tests"]
LABEL org.opencontainers.image.title="ticketing-tests" \
      org.opencontainers.image.description="The Stripe sandbox and the tests of Ticketing"
