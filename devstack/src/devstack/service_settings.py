"""The settings that services and topology have, and the values that the launcher gives them."""

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
"""What the web server of a service reads by itself."""

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
"""What follows from what the launcher starts, so nobody else can set it."""

DEFAULTS: Final[Mapping[str, str]] = {"LOG_FORMAT": "text", "COOKIE_SECURE": "false"}
"""What suits one machine, where it differs from what services do by themselves."""


@cache
def names(service: str) -> frozenset[str]:
    """The variables that it reads."""
    own = frozenset(name.upper() for name in SETTINGS[service].model_fields)
    return own | OF_UVICORN | standard_variables() if service in SERVICES else own


def inherited(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What an environment has for it; plug-ins of OpenTelemetry read more than its SDK."""
    return {
        name: value
        for name, value in environment.items()
        if name in names(service) or (name.startswith("OTEL_") and service in SERVICES)
    }


def variables(plan: Plan, service: str) -> dict[str, str]:
    """The environment that it is started with."""
    has = names(service)
    defaults = {name: value for name, value in DEFAULTS.items() if name in has}
    decided = {name: value(plan, service) for name, value in DECIDED.items() if name in has}
    chosen = plan.settings.get(service, {})
    return {"PYTHONUNBUFFERED": "1", **defaults, **chosen, **decided}
