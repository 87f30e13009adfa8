"""What the launcher shows."""

from io import StringIO
from pathlib import Path

from typing_extensions import override

from devstack.console import Console


class Terminal(StringIO):
    """A text stream that says it is a terminal."""

    @override
    def isatty(self) -> bool:
        return True


def test_log_lines_carry_the_name_of_their_process(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_text("one\ntwo\n")
    (tmp_path / "payments.log").write_text("three\n")
    out = StringIO()
    Console(out, [tmp_path / "auth.log", tmp_path / "payments.log"]).show_logs()
    assert out.getvalue() == "auth     | one\nauth     | two\npayments | three\n"


def test_half_a_line_waits_for_the_rest(tmp_path: Path) -> None:
    log, out = tmp_path / "auth.log", StringIO()
    console = Console(out, [log])
    for text in ("one\ntw", "o\n", ""):
        with log.open("a") as end:
            end.write(text)
        console.show_logs()
    assert out.getvalue() == "auth | one\nauth | two\n"


def test_colours_are_for_terminals_only(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_text("one\n")
    terminal, file = Terminal(), StringIO()
    for out in (terminal, file):
        Console(out, [tmp_path / "auth.log"]).show_logs()
    assert terminal.getvalue() == "\033[36mauth |\033[0m one\n"
    assert "\033" not in file.getvalue()
