"""Which settings a person can choose, and who gets them."""

import pytest

from devstack.errors import SettingRefused
from devstack.setting_overrides import Setting, SettingOverrides, resolve_overrides

BUS_ADDRESS = "nats://somewhere:4222"


def refusal(*options: Setting, **environment: str) -> str:
    """Why these settings are refused."""
    with pytest.raises(SettingRefused) as refused:
        resolve_overrides(options, environment)
    return str(refused.value)


def who_has(name: str, found: SettingOverrides) -> dict[str, str]:
    """Each service that gets the setting, and its value."""
    return {service: own[name] for service, own in found.items() if name in own}


def test_each_service_that_has_a_setting_gets_it() -> None:
    found = resolve_overrides(
        [Setting("ORDER_WINDOW_SECONDS", "60"), Setting("LOG_LEVEL", "DEBUG")], {}
    )
    assert who_has("ORDER_WINDOW_SECONDS", found) == {"orders": "60", "payments": "60"}
    services = {"auth", "tickets", "orders", "expiration", "payments"}
    assert who_has("LOG_LEVEL", found).keys() == services | {"topology"}


@pytest.mark.parametrize("name", ["LAME_DUCK_SECONDS", "FORWARDED_ALLOW_IPS", "OTEL_SERVICE_NAME"])
def test_a_setting_can_be_given_to_one_service(name: str) -> None:
    assert who_has(name, resolve_overrides([Setting(name, "7", "auth")], {})) == {"auth": "7"}


@pytest.mark.parametrize(
    "name",
    ["ORDER_WINDOW_SECONDS", "SIGNIN_FAILURES_LIMIT", "EVENT_STREAMS_LIMIT", "OTEL_BSP_MADE_UP"],
)
def test_the_environment_gives_settings_too(name: str) -> None:
    found = resolve_overrides([], {name: "3", "PATH": "/bin", "HOME": "/", "SECRET": "x"})
    assert set(who_has(name, found).values()) == {"3"}
    assert {each for own in found.values() for each in own} == {name}


def test_the_environment_changes_nothing_that_is_decided() -> None:
    decided = {
        "NATS_URL": BUS_ADDRESS,
        "JWT_PRIVATE_KEY": "k",
        "STRIPE_SECRET_KEY": "sk_live_mine",
        "STREAM_REPLICAS": "3",
    }
    assert not any(resolve_overrides([], decided).values())


def test_the_nearest_choice_counts() -> None:
    options = [
        Setting("EVENT_STREAMS_LIMIT", "1", "orders"),
        Setting("EVENT_STREAMS_LIMIT", "2"),
        Setting("EVENT_STREAMS_LIMIT", "3"),
    ]
    environment = {"EVENT_STREAMS_LIMIT": "4", "LOG_LEVEL": "ERROR"}
    found = resolve_overrides(options, environment)
    assert who_has("EVENT_STREAMS_LIMIT", found) == {
        "orders": "1",
        "tickets": "3",
        "expiration": "3",
        "payments": "3",
    }
    assert set(who_has("LOG_LEVEL", found).values()) == {"ERROR"}


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (
            Setting("ORDER_WINDOW", "60"),
            "no service has a setting ORDER_WINDOW; did you mean ORDER_WINDOW_SECONDS?",
        ),
        (
            Setting("log_level", "DEBUG", "orders"),
            "no service has a setting log_level; did you mean LOG_LEVEL?",
        ),
        (
            Setting("OTEL_SAMPLER_ARG", "0.5"),
            "no service has a setting OTEL_SAMPLER_ARG; did you mean OTEL_TRACES_SAMPLER_ARG?",
        ),
        (Setting("XYZ", "60"), "no service has a setting XYZ"),
        (Setting("LOG_LEVEL", "DEBUG", "order"), "there is no service order; did you mean orders?"),
        (
            Setting("ORDER_WINDOW_SECONDS", "60", "auth"),
            "auth has no setting ORDER_WINDOW_SECONDS: it is one of orders, payments",
        ),
        (Setting("MONGO_URI", "x"), "MONGO_URI cannot be set: the launcher decides it"),
        (Setting("STRIPE_JS", "x", "auth"), "STRIPE_JS cannot be set: the launcher decides it"),
    ],
)
def test_unknown_setting_is_refused(setting: Setting, text: str) -> None:
    assert refusal(setting) == text


def test_a_wrong_value_is_refused() -> None:
    options = [Setting("ORDER_WINDOW_SECONDS", "-1"), Setting("EVENT_STREAMS_LIMIT", "many")]
    said = refusal(*options, LOG_LEVEL="loud")
    assert "ORDER_WINDOW_SECONDS: Input should be greater than 0" in said
    assert "EVENT_STREAMS_LIMIT: Input should be a valid integer" in said
    assert "LOG_LEVEL (in the environment): Input should be 'DEBUG', " in said
    assert "loud" not in said
