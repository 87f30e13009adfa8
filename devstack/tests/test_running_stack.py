"""The stack of tests and benches: the same, whoever starts it."""

from pathlib import Path

import pytest

from devstack.running_stack import launch_stack


@pytest.mark.usefixtures("processes")
def test_test_stacks_ignore_developer_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("EVENT_STREAMS_LIMIT", "not a number")
    with launch_stack(tmp_path, "--quiet", LAME_DUCK_SECONDS="0") as running:
        [pid] = running.pids["orders"]
        seen = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert running.logs.is_relative_to(tmp_path)
    assert not [each for each in seen if each.startswith(("LOG_LEVEL", "OTEL_", "EVENT_"))]
    assert "LAME_DUCK_SECONDS=0" in seen
