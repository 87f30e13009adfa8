"""The command line of the launcher."""

from pathlib import Path

import pytest

from devstack.options import ExecOptions, Options, parse
from devstack.setting_overrides import Setting


def up(*arguments: str) -> Options:
    """The options of `up`."""
    options = parse(["up", *arguments])
    assert isinstance(options, Options)
    return options


def test_without_arguments_it_is_the_usual_stack() -> None:
    options = up()
    assert (options.port, options.settings, options.replicas) == (8080, [], {})
    assert (options.members, options.ephemeral) == (1, False)


def test_replicas_are_counted_by_service() -> None:
    assert up("--replicas", "orders=2,tickets=3").replicas == {"orders": 2, "tickets": 3}


def test_clocks_are_those_of_replicas() -> None:
    assert up("--clocks", "orders-1=600,auth=-2.5").clocks == {"orders-1": 600, "auth": -2.5}


def test_settings_are_kept_in_their_order() -> None:
    given = ["--set", "A=1", "--window", "60", "--set", "orders.B=x=y.z", "--set", "C="]
    assert up(*given).settings == [
        Setting("A", "1"),
        Setting("ORDER_WINDOW_SECONDS", "60"),
        Setting("B", "x=y.z", "orders"),
        Setting("C", ""),
    ]
    assert up().settings == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["--set", "A"],
        ["--set", "=1"],
        ["--set", "orders.=1"],
        ["--clocks", "shop-1=2"],
        ["--clocks", "orders-1=late"],
        ["--replicas", "shop=2"],
        ["--replicas", "orders"],
        ["--replicas", "orders=0"],
        ["--port", "70000"],
        ["--window", "0"],
        ["--members", "2"],
    ],
)
def test_nonsense_is_explained(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_code:
        parse(["up", *wrong])
    assert exit_code.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_an_errand_keeps_the_arguments_of_its_command() -> None:
    options = parse(["exec", "--data", "there", "orders", "python", "-m", "orders", "--data", "x"])
    assert options == ExecOptions(
        Path("there"), "orders", ("python", "-m", "orders", "--data", "x")
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [(["exec", "shop", "env"], "shop"), (["exec", "orders"], "a command is required")],
)
def test_an_errand_of_nobody_or_nothing_is_explained(
    wrong: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_code:
        parse(wrong)
    assert exit_code.value.code == 2
    assert why in capsys.readouterr().err
