# The Stripe sandbox, and the tests that cross services; never deployed.
ARG PYTHON_VERSION=3.13
FROM python:${PYTHON_VERSION}-slim-trixie
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONPATH=/app/common/src:/app/auth/src:/app/tickets/src:/app/orders/src:/app/expiration/src:/app/payments/src:/app/devstack/src
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/venv/bin/python install --require-hashes -r requirements.lock
COPY pyproject.toml conftest.py ./
COPY common/src common/src
COPY auth/src auth/src
COPY tickets/src tickets/src
COPY orders/src orders/src
COPY expiration/src expiration/src
COPY payments/src payments/src
COPY devstack/src devstack/src
COPY tests tests
USER 10001:10001
CMD ["pytest", "-p", "no:cacheprovider", "tests"]
LABEL org.opencontainers.image.title="ticketing-tests" \
      org.opencontainers.image.description="The Stripe sandbox and the tests of Ticketing"
