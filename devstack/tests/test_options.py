"""The command line of the launcher."""

import pytest

from devstack.options import parse


def test_without_arguments_it_is_the_usual_stack() -> None:
    options = parse(["up"])
    assert (options.port, options.window, options.replicas) == (8080, 900, {})
    assert not options.ephemeral


def test_replicas_are_counted_by_service() -> None:
    assert parse(["up", "--replicas", "orders=2,tickets=3"]).replicas == {"orders": 2, "tickets": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--replicas", "shop=2"],
        ["--replicas", "orders"],
        ["--replicas", "orders=0"],
        ["--port", "70000"],
        ["--window", "0"],
    ],
)
def test_nonsense_is_explained(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_code:
        parse(["up", *wrong])
    assert exit_code.value.code == 2
    assert wrong[0] in capsys.readouterr().err
