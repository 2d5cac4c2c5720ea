"""The command line as a whole: help, version, exit status."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import typer.main

from cytotrial.cli.app import app
from cytotrial.cli.notice import NOTICE
from cytotrial.errors import ProtocolError, SimulationError

COMMANDS = sorted(typer.main.get_command(app).commands)
HEAVY = ("numba", "pandas", "sympy", "pint", "duckdb", "numpy", "pydantic", "llvmlite")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_carries_the_notice(call, command: str) -> None:
    shown = call(command, "--help")
    assert shown.exit_code == 0
    assert "Usage: cytotrial " + command in shown.output
    assert NOTICE in " ".join(shown.output.split())


def test_every_option_says_what_it_does() -> None:
    for command in typer.main.get_command(app).commands.values():
        assert command.help
        for parameter in command.params:
            assert parameter.help or parameter.name == "help", (command.name, parameter.name)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from cytotrial.cli.app import main; sys.argv = ['x', '-h']; main(); print(*sys.modules, file=sys.stderr)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert [name for name in HEAVY if name in modules] == []


def test_help_is_there_within_two_seconds(shell) -> None:
    started = time.perf_counter()
    assert shell("--help").returncode == 0
    assert time.perf_counter() - started < 2.0  # 0.3 s on an idle machine


def test_the_version_is_printed(call) -> None:
    shown = call("--version")
    assert shown.exit_code == 0
    assert shown.output.startswith("cytotrial 0.")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ProtocolError("the dose is wrong."), 2, "the dose is wrong.\n1 problem; nothing was simulated."),
        (SimulationError("no patient could be advanced."), 3, "no patient could be advanced."),
        (KeyboardInterrupt(), 130, "stopped; nothing was kept"),
    ],
    ids=["input", "simulation", "Ctrl-C"],
)
def test_an_error_becomes_a_message_and_an_exit_status(
    call, monkeypatch, error: BaseException, status: int, message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("cytotrial.catalogue.load_library", fail)
    shown = call("show", "drugs")
    assert shown.exit_code == status
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert shown.stdout == ""


def test_a_wrong_command_names_the_right_one(shell) -> None:
    shown = shell("rum")
    assert shown.returncode == 2
    assert "Did you mean" in shown.stderr
    assert "run" in shown.stderr


def test_an_error_message_is_not_wrapped_or_styled_when_it_is_read_by_a_program(shell) -> None:
    shown = shell("show", "no_such_protocol_" + "x" * 200)
    assert shown.returncode == 2
    assert shown.stderr.splitlines()[0] == f"'no_such_protocol_{'x' * 200}' is neither a topic nor a protocol."
