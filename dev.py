"""The developer's commands on any machine with Python: `demo`, `test`, `bench`. Standard library only; not part of the package.

The first call makes `.venv` beside this file and installs the project and its test tools into it; later calls reuse it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "installed-by-dev"
DEMO_PROTOCOL = "hd_il2_rcc"


def main() -> int:
    """The exit status of the chosen command."""
    parser = argparse.ArgumentParser(prog="dev.py", description="Makes .venv on the first call, then runs one command in it.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo | test | bench")
    commands.add_parser("demo", help=f"simulate the shipped trial {DEMO_PROTOCOL} and print its tables")
    commands.add_parser("test", help="ruff, ruff format, mypy and pytest; further arguments go to pytest, e.g. -m slow")
    commands.add_parser(
        "bench", help="the engine beside its peers; further arguments go on, e.g. --peers cvode", add_help=False
    )
    options, rest = parser.parse_known_args()
    if rest and options.command == "demo":
        parser.error(f"unknown argument '{rest[0]}'.")
    if sys.version_info < OLDEST_PYTHON:
        return _fail(
            f"Python {sys.version.split()[0]} is too old: CytoTrial needs 3.11 or newer.",
            "Call this file with a newer one, for example `python3.12 dev.py demo`.",
        )
    if not _is_installed() and not _install():
        return 1
    if options.command == "bench":
        return _bench(rest)
    return _demo() if options.command == "demo" else _test(rest)


def _demo() -> int:
    _say(f"Simulating {DEMO_PROTOCOL} (the first run also compiles the model).")
    return _run([_python(), "-m", "cytotrial", "run", DEMO_PROTOCOL])


def _bench(arguments: list[str]) -> int:
    return _run([_python(), "-m", "benchmarks.engine", *arguments])


def _test(pytest_arguments: list[str]) -> int:
    """Runs every check even when one fails; the status is that of pytest, or else of the first check that failed."""
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "pytest": ["pytest", "-n", "auto", "-m", "not slow", *pytest_arguments],
    }
    results = {}
    for name, arguments in checks.items():
        _say(f"{name} ...")
        started = time.monotonic()
        status = _run([_python(), "-m", *arguments])
        results[name] = (status, time.monotonic() - started)
    _say("Summary:")
    for name, (status, seconds) in results.items():
        _say(f"  {name:<12} {'passed' if status == 0 else f'FAILED (exit status {status})':<24} {seconds:6.1f} s")
    statuses = [results["pytest"][0], *(status for status, _ in results.values())]
    return next((status for status in statuses if status), 0)


def _is_installed() -> bool:
    """Whether `.venv` is complete and newer than pyproject.toml."""
    return _is_ours() and STAMP.stat().st_mtime > (ROOT / "pyproject.toml").stat().st_mtime


def _install() -> bool:
    """Makes `.venv` and installs into it. False, with the one thing to do, where that is not possible."""
    if importlib.util.find_spec("ensurepip") is None:
        _fail(
            "This Python cannot make virtual environments (its 'ensurepip' is missing).",
            "On Debian or Ubuntu: `apt install python3-venv`, then the same command again. Or use uv: see README.md.",
        )
        return False
    if not _is_ours():
        _say(f"{'Replacing' if ENVIRONMENT.exists() else 'Making'} the virtual environment {ENVIRONMENT} ...")
        try:
            venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=os.name != "nt")
        except (OSError, subprocess.CalledProcessError) as error:
            _fail(f"The virtual environment could not be made: {error}.", "Is the folder writable, with about 1 GB of space?")
            return False
    _say("Installing CytoTrial and its test tools (about 700 MB, once; a minute on a fast line) ...")
    started = time.monotonic()
    pip = [_python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--prefer-binary"]
    if _run([*pip, "-e", ".[test]"]):
        _fail("The installation failed; pip's message stands above.", "Is the network reachable? The same command tries again.")
        return False
    STAMP.write_text(_identity(), encoding="utf-8")
    _say(f"Installed in {time.monotonic() - started:.0f} s.")
    return True


def _is_ours() -> bool:
    """Whether `.venv` was completed here by this Python; one that was moved, or made by another tool, is not."""
    return Path(_python()).exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == _identity()


def _identity() -> str:
    """What makes an environment unusable when it changes: the place of the project, and the Python."""
    return f"{ROOT}\n{sys.version}\n"


def _python() -> str:
    return str(ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def _run(command: list[str]) -> int:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(what: str, advice: str) -> int:
    print(f"{what}\n  {advice}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
