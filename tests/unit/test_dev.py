"""dev.py: the first thing a newcomer runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """dev.py as a module, with a project folder of its own in which nothing is installed."""
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp")
    return module


def install(dev: ModuleType) -> None:
    """What a finished installation leaves behind."""
    python = Path(dev._python())
    python.parent.mkdir(parents=True)
    python.touch()
    dev.STAMP.write_text(dev._identity(), encoding="utf-8")


def test_without_ensurepip_the_one_thing_to_do_is_said(dev, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["dev.py", "demo"])
    assert dev.main() == 1
    message = capsys.readouterr().err
    assert "apt install python3-venv" in message
    assert "uv" in message
    assert not dev.ENVIRONMENT.exists()


def test_an_old_python_is_told_what_is_needed(dev, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dev, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(sys, "argv", ["dev.py", "demo"])
    assert dev.main() == 1
    assert "is too old" in capsys.readouterr().err


def test_an_environment_is_used_again_until_pyproject_changes_or_the_folder_moves(dev, monkeypatch) -> None:
    assert not dev._is_installed()
    install(dev)
    os.utime(dev.ROOT / "pyproject.toml", (0, 0))
    assert dev._is_installed()
    later = dev.STAMP.stat().st_mtime + 10
    os.utime(dev.ROOT / "pyproject.toml", (later, later))
    assert not dev._is_installed()
    assert dev._is_ours()
    dev.STAMP.write_text("elsewhere", encoding="utf-8")
    assert not dev._is_ours()


def test_a_failed_installation_is_not_taken_for_a_finished_one(dev, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dev.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(dev, "_run", lambda _: 1)
    assert not dev._install()
    assert "The installation failed" in capsys.readouterr().err
    assert not dev.STAMP.exists()


@pytest.mark.parametrize(
    ("statuses", "status"),
    [({}, 0), ({"pytest": 5}, 5), ({"ruff": 1}, 1), ({"mypy": 2, "pytest": 1}, 1), ({"mypy": 2}, 2)],
)
def test_the_status_of_test_is_that_of_pytest_or_of_the_first_check_that_failed(
    dev, monkeypatch, capsys, statuses, status
) -> None:
    ran = []

    def run(command: list[str]) -> int:
        ran.append(command[2])
        return statuses.get(command[2], 0)

    monkeypatch.setattr(dev, "_run", run)
    assert dev._test(["-k", "x"]) == status
    assert ran == ["ruff", "ruff", "mypy", "pytest"]
    assert capsys.readouterr().out.count("FAILED") == sum(2 if name == "ruff" else 1 for name in statuses)


def test_bench_hands_its_arguments_on(dev, monkeypatch) -> None:
    install(dev)
    ran: list[list[str]] = []
    monkeypatch.setattr(dev, "_run", lambda command: ran.append(command) or 3)
    monkeypatch.setattr(sys, "argv", ["dev.py", "bench", "--peers", "cvode", "--repeats", "2"])
    assert dev.main() == 3
    assert ran == [[dev._python(), "-m", "benchmarks.engine", "--peers", "cvode", "--repeats", "2"]]


def test_dev_needs_nothing_but_the_standard_library() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", ROOT / "dev.py", "--help"], capture_output=True, text=True, check=True)
    assert "demo" in done.stdout


def test_ci_calls_dev_test_and_stops_at_errors() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert script.rstrip().endswith('exec python3 dev.py test "$@"')
    assert os.access(ROOT / ".ci" / "run", os.X_OK) or os.name == "nt"


def test_the_lock_file_names_public_addresses_only() -> None:
    lines = (ROOT / "uv.lock").read_text(encoding="utf-8").splitlines()
    addresses = [line.split('"')[1] for line in lines if line.startswith(("source = { registry", "sdist = { url", "    { url"))]
    assert len(addresses) > 100
    assert {address.split("/")[2] for address in addresses} == {"pypi.org", "files.pythonhosted.org"}
    assert not any("file:" in line or 'path = "' in line for line in lines)
