"""The settings of all services; a service does not start when one is invalid."""

import sys
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

COMMITTED = {
    "w": "majority",
    "journal": "true",
    "readconcernlevel": "majority",
    "readpreference": "primary",
    "retryreads": "true",
    "retrywrites": "true",
}
"""The options that MongoDB needs, so that nothing is decided from data that may be rolled back
(docs/decisions/0012). An address may set them to these values only."""


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # it quotes the address, and with it the password
        return urlsplit("")


def _mongo_uri(uri: str) -> str:
    parts = _parts(uri)
    if parts.scheme not in {"mongodb", "mongodb+srv"} or not parts.path.strip("/"):
        raise ValueError("must look like mongodb://host:port/database")
    for name, value in parse_qsl(parts.query):
        needed = COMMITTED.get(name.lower(), value)
        if value.lower() != needed.lower():
            raise ValueError(
                f"must not set {name} to anything but {needed}: what is read or stored"
                " otherwise may be taken back"
            )
    return uri


def _nats_url(url: str) -> str:
    for server in url.split(","):
        if _parts(server).scheme not in {"nats", "tls"} or not _parts(server).hostname:
            raise ValueError("must look like nats://host:port (several joined by commas)")
    return url


def _pem(text: str) -> str:
    text = text.replace("\\n", "\n").strip() + "\n"
    if not text.startswith("-----BEGIN "):
        raise ValueError("must be a key in PEM form")
    return text


Pem = Annotated[str, AfterValidator(_pem)]


class EnvironmentSettings(BaseSettings):
    """Read from environment variables of the same names in upper case.

    Keys and addresses with passwords never appear in `repr` or in an error.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    @classmethod
    def load(cls) -> Self:
        """The settings; exits with one line per invalid variable (and no values)."""
        try:
            return cls()
        except ValidationError as error:
            wrong = [f"  {name}: {why}" for name, why in complaints(error).items()]
            sys.exit("\n".join(["Configuration is wrong:", *wrong]))


def complaints(error: ValidationError) -> dict[str, str]:
    """The error of each invalid variable, without its value."""
    return {"_".join(map(str, each["loc"])).upper(): each["msg"] for each in error.errors()}


class BusSettings(EnvironmentSettings):
    """The address of the bus."""

    nats_url: Annotated[str, AfterValidator(_nats_url)] = Field(repr=False)
    nats_ca_file: FilePath | None = None


def _http_url(url: str) -> str:
    if url and (_parts(url).scheme not in {"http", "https"} or not _parts(url).hostname):
        raise ValueError("must look like http://host:port")
    return url


def _unless_empty(value: object) -> object:
    return None if value == "" else value  # as OpenTelemetry asks


Collector = Annotated[str, AfterValidator(_http_url)]


class TracingSettings(EnvironmentSettings):
    """Whether traces are exported, by OpenTelemetry's variables; its SDK reads the others."""

    otel_sdk_disabled: bool = False
    otel_traces_exporter: Annotated[
        Literal["otlp", "none"] | None, BeforeValidator(_unless_empty)
    ] = None
    otel_exporter_otlp_endpoint: Collector = Field(default="", repr=False)
    otel_exporter_otlp_traces_endpoint: Collector = Field(default="", repr=False)
    otel_exporter_otlp_protocol: Annotated[
        Literal["http/protobuf"] | None, BeforeValidator(_unless_empty)
    ] = None
    otel_service_name: str = ""

    @property
    def exports_traces(self) -> bool:
        """Whether a collector was named, or its default address asked for, and nothing forbids."""
        named = self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        wanted = self.otel_traces_exporter or ("otlp" if named else "none")
        return wanted == "otlp" and not self.otel_sdk_disabled


class LogSettings(EnvironmentSettings):
    """The format and the level of log lines."""

    log_format: Literal["json", "text"] | None = None
    """None is text on a terminal, and JSON elsewhere."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class TopologySettings(BusSettings, LogSettings):
    """For the program that declares the topology."""

    stream_replicas: int = Field(default=1, ge=1, le=5)


class ServiceSettings(TracingSettings, LogSettings):
    """The settings of every service."""

    service: ClassVar[str]
    """The name of the service: of its database, its durable consumer and its log lines."""

    mongo_uri: Annotated[str, AfterValidator(_mongo_uri)] = Field(repr=False)
    jwt_public_key: Pem = Field(repr=False)
    lame_duck_seconds: float = Field(default=2, ge=0, allow_inf_nan=False)
    """How long a service still serves while it drains, so that load balancers can remove it."""


class EventSettings(BusSettings, ServiceSettings):
    """For a service that uses the bus."""

    event_streams_limit: int = Field(default=2_000, ge=0)
    """How many event streams one replica keeps open."""
