"""Metrics of the auth service."""

from common.metrics import counter

THROTTLED = counter("signins_throttled", "Tries to sign in that were refused: too many before")
