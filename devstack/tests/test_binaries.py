"""Finding real servers, and saying what to do when there are none."""

from pathlib import Path

import pytest

from devstack import binaries
from devstack.errors import BinaryUnusable


def test_installed_servers_are_found() -> None:
    found = [binaries.mongod(), binaries.nats_server(), binaries.caddy()]
    assert [binary.name for binary in found] == ["mongod", "nats-server", "caddy"]


def test_a_variable_points_to_another_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = program(tmp_path / "my-mongod", "exit 0")
    monkeypatch.setenv("MONGOD_BIN", str(other))
    assert binaries.mongod() == other


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_SERVER_BIN", "/nowhere/nats-server")
    with pytest.raises(BinaryUnusable, match=r"/nowhere/nats-server; .*NATS_SERVER_BIN"):
        binaries.nats_server()


def test_missing_libcurl_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complaint = "libcurl.so.4: cannot open shared object file"
    broken = program(tmp_path / "mongod", f"echo '{complaint}' >&2; exit 127")
    monkeypatch.setenv("MONGOD_BIN", str(broken))
    with pytest.raises(BinaryUnusable, match="apt-get install libcurl4"):
        binaries.mongod()


def test_a_mongod_for_another_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "mongod"
    foreign.write_bytes(b"\xcf\xfa\xed\xfe")
    foreign.chmod(0o755)
    monkeypatch.setenv("MONGOD_BIN", str(foreign))
    with pytest.raises(BinaryUnusable, match="set MONGOD_BIN"):
        binaries.mongod()


def program(file: Path, script: str) -> Path:
    """A shell script that can be run."""
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file
