"""The settings of services and topology, and the values that the launcher sets."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Final

from common.settings import EnvironmentSettings, TopologySettings
from common.tracing import standard_variables
from devstack.plan import SERVICES, Plan

SETTINGS: Final[Mapping[str, type[EnvironmentSettings]]] = {
    **{service: import_module(f"{service}.settings").Settings for service in SERVICES},
    "topology": TopologySettings,
}

OF_UVICORN: Final = frozenset({"FORWARDED_ALLOW_IPS"})
"""Variables that uvicorn reads."""

DECIDED: Final[Mapping[str, Callable[[Plan, str], str]]] = {
    "MONGO_URI": lambda plan, service: plan.mongo_uri(service),
    "NATS_URL": lambda plan, _: plan.nats_url,
    "STREAM_REPLICAS": lambda plan, _: str(plan.stream_replicas),
    "JWT_PUBLIC_KEY": lambda plan, _: plan.secrets.session_keys.public_pem,
    "JWT_PRIVATE_KEY": lambda plan, _: plan.secrets.session_keys.private_pem,
    "STRIPE_SECRET_KEY": lambda *_: "sk_test_sandbox",
    "STRIPE_PUBLISHABLE_KEY": lambda *_: "pk_test_sandbox",
    "STRIPE_WEBHOOK_SECRET": lambda plan, _: plan.secrets.webhook_secret,
    "STRIPE_API_BASE": lambda plan, _: plan.sandbox_url,
    "STRIPE_JS": lambda plan, _: f"{plan.sandbox_url}/v3/",
}
"""Values that the launcher determines, and that cannot be overridden."""

DEFAULTS: Final[Mapping[str, str]] = {"LOG_FORMAT": "text", "COOKIE_SECURE": "false"}
"""Defaults for one machine that differ from those of the services."""


@cache
def names(service: str) -> frozenset[str]:
    """The variables that a service reads."""
    own = frozenset(name.upper() for name in SETTINGS[service].model_fields)
    return own | OF_UVICORN | standard_variables() if service in SERVICES else own


def inherited(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment for a service, all of OpenTelemetry included."""
    return {
        name: value
        for name, value in environment.items()
        if name in names(service) or (name.startswith("OTEL_") and service in SERVICES)
    }


def variables(plan: Plan, service: str) -> dict[str, str]:
    """The environment of a service's processes."""
    has = names(service)
    defaults = {name: value for name, value in DEFAULTS.items() if name in has}
    decided = {name: value(plan, service) for name, value in DECIDED.items() if name in has}
    chosen = plan.settings.get(service, {})
    return {"PYTHONUNBUFFERED": "1", **defaults, **chosen, **decided}
