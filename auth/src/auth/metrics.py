"""Metrics of the auth service."""

from common.metrics import counter

THROTTLED = counter("signins_throttled", "Sign-in attempts rejected by the rate limit")
