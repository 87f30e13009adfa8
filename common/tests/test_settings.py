"""A service refuses to start when it is configured wrongly, and keeps its secrets to itself."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from common.settings import EventSettings
from devstack.keys import KeyPair

SECRET = "s3cret"


class Settings(EventSettings):
    """As a service has them."""

    service: ClassVar[str] = "tallies"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, jwt_keys: KeyPair) -> pytest.MonkeyPatch:
    """An environment in which everything is right, and nothing optional is set."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MONGO_URI", f"mongodb://me:{SECRET}@localhost:27017/tallies")
    monkeypatch.setenv("NATS_URL", f"nats://me:{SECRET}@one:4222,tls://two:4222")
    monkeypatch.setenv("JWT_PUBLIC_KEY", jwt_keys.public_pem)
    return monkeypatch


def complaints() -> list[str]:
    """What the process says when it ends instead of starting."""
    with pytest.raises(SystemExit) as ended:
        Settings.load()
    assert isinstance(ended.value.code, str)
    title, *lines = ended.value.code.splitlines()
    assert title == "Configuration is wrong:"
    assert SECRET not in ended.value.code
    return lines


def test_right_variables_are_read(jwt_keys: KeyPair) -> None:
    settings = Settings.load()
    assert settings.mongo_uri == f"mongodb://me:{SECRET}@localhost:27017/tallies"
    assert settings.jwt_public_key == jwt_keys.public_pem
    assert (settings.log_format, settings.log_level) == (None, "INFO")
    assert settings.event_streams_limit == 2_000


def test_an_address_may_set_required_options(variables: pytest.MonkeyPatch) -> None:
    address = "mongodb+srv://me@cluster/tallies?retryWrites=true&w=majority&appName=tickets"
    variables.setenv("MONGO_URI", address)
    assert Settings.load().mongo_uri == address


def test_a_key_on_one_line_is_read(variables: pytest.MonkeyPatch, jwt_keys: KeyPair) -> None:
    variables.setenv("JWT_PUBLIC_KEY", jwt_keys.public_pem.strip().replace("\n", "\\n"))
    assert Settings.load().jwt_public_key == jwt_keys.public_pem


def test_secrets_do_not_show(jwt_keys: KeyPair) -> None:
    shown = f"{Settings.load()!r} {Settings.load()}"
    assert SECRET not in shown
    assert jwt_keys.public_pem.splitlines()[1] not in shown
    assert "log_level='INFO'" in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings.load().log_level = "DEBUG"  # type: ignore[misc]  # that is the point


def test_all_missing_variables_are_named(variables: pytest.MonkeyPatch) -> None:
    for name in ("MONGO_URI", "JWT_PUBLIC_KEY", "NATS_URL"):
        variables.delenv(name)
    assert complaints() == [
        "  MONGO_URI: Field required",
        "  JWT_PUBLIC_KEY: Field required",
        "  NATS_URL: Field required",
    ]


def test_all_wrong_variables_are_named(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("MONGO_URI", f"mysql://me:{SECRET}@localhost/tallies")
    variables.setenv("LOG_LEVEL", SECRET)
    variables.setenv("EVENT_STREAMS_LIMIT", "-1")
    variables.delenv("NATS_URL")
    named = {line.partition(":")[0].strip() for line in complaints()}
    assert named == {"MONGO_URI", "LOG_LEVEL", "NATS_URL", "EVENT_STREAMS_LIMIT"}


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("MONGO_URI", f"mongodb://me:{SECRET}@localhost", "must look like mongodb://host:port/"),
        ("MONGO_URI", f"mongodb://me:{SECRET}@localhost/", "must look like mongodb://host:port/"),
        ("MONGO_URI", f"mongodb://me:{SECRET}\u2100@localhost/tallies", "must look like mongodb"),
        ("MONGO_URI", f"mongodb://[{SECRET}/tallies", "must look like mongodb://host:port/"),
        (
            "MONGO_URI",
            f"mongodb://{SECRET}/a?readPreference=secondaryPreferred",
            "must not set readP",
        ),
        (
            "MONGO_URI",
            f"mongodb://{SECRET}/a?replicaSet=rs0&w=1",
            "must not set w to anything but maj",
        ),
        (
            "MONGO_URI",
            f"mongodb://{SECRET}/a?readConcernLevel=local",
            "must not set readConcernLevel",
        ),
        ("MONGO_URI", f"mongodb://{SECRET}/a?retryWrites=false", "must not set retryWrites"),
        ("MONGO_URI", f"mongodb://{SECRET}/a?JOURNAL=false", "must not set JOURNAL to anything"),
        ("NATS_URL", f"http://me:{SECRET}@localhost", "must look like nats://host:port"),
        ("NATS_URL", f"nats://one:4222,{SECRET}", "must look like nats://host:port"),
        ("NATS_URL", f"nats://me:{SECRET}\u2100@localhost", "must look like nats://host:port"),
        ("NATS_URL", "nats://", "must look like nats://host:port"),
        ("NATS_CA_FILE", f"/{SECRET}/ca.crt", "does not point to a file"),
        ("JWT_PUBLIC_KEY", SECRET, "must be a key in PEM form"),
        ("LOG_FORMAT", SECRET, "should be 'json' or 'text'"),
        ("OTEL_TRACES_EXPORTER", SECRET, "should be 'otlp' or 'none'"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", SECRET, "must look like http://host:port"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", SECRET, "should be 'http/protobuf'"),
        ("EVENT_STREAMS_LIMIT", SECRET, "valid integer"),
        ("EVENT_STREAMS_LIMIT", "-1", "greater than or equal to 0"),
    ],
)
def test_a_wrong_value_is_explained_not_shown(
    variables: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    variables.setenv(name, value)
    [line] = complaints()
    assert line.startswith(f"  {name}: ")
    assert complaint in line


COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("given", "exports"),
    [
        ({}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": ""}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_the_standard_variables_turn_on_traces(
    variables: pytest.MonkeyPatch, given: dict[str, str], exports: bool
) -> None:
    for name, value in given.items():
        variables.setenv(name, value)
    assert Settings.load().exports_traces is exports
