"""Schemathesis tries each service's own OpenAPI document against the running system."""

from collections.abc import Callable

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

from devstack.headless import Stack
