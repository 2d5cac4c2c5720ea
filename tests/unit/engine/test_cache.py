"""The cache of compiled code: it saves time, and can do no harm."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.engine import kernel
from cytotrial.engine.cache import cache_key
from cytotrial.engine.kernel import compile_model, with_lanes
from cytotrial.engine.machine import host_machine


@pytest.fixture
def system(write_system):
    return write_system({"x": "rate - k*x"}, parameters="k", inputs="rate", observables={"y": "x**2"})


def rate(model):
    return model.derivatives(np.ones((1, 1)), np.full((1, 1), 0.5), np.full((1, 1), 2.0))[0, 0]


def test_a_second_compilation_reads_what_the_first_wrote(system, tmp_path, monkeypatch):
    compile_model(system, cache_folder=tmp_path)
    monkeypatch.delattr(kernel, "assemble")
    assert rate(compile_model(system, cache_folder=tmp_path)) == 1.5


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-9], lambda _content: b"", lambda content: content[:50] + b"!" + content[51:]]
)
def test_a_damaged_file_is_replaced(system, tmp_path, damage):
    compile_model(system, cache_folder=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert rate(compile_model(system, cache_folder=tmp_path)) == 1.5
    assert len(file.read_bytes()) == len(whole)


def test_a_folder_that_cannot_be_made_costs_only_time(system, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert rate(compile_model(system, cache_folder=tmp_path / "file" / "below")) == 1.5


def test_a_read_only_folder_costs_only_time(system, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    assert rate(compile_model(system, cache_folder=tmp_path)) == 1.5
    assert list(tmp_path.iterdir()) == []


def test_the_key_depends_on_content_and_machine_but_not_on_nominal_sizes(system, write_system):
    machine = host_machine()

    def key(system, machine=machine):
        return cache_key(system, machine, method="Rodas5P")

    same = write_system({"x": "rate - k*x"}, parameters="k", inputs="rate", observables={"y": "x**2"})
    other = write_system({"x": "rate - 2*k*x"}, parameters="k", inputs="rate", observables={"y": "x**2"})
    scaled = type(system)(**{**vars(system), "nominal": np.array([7.0])})
    assert key(system) == key(same) == key(scaled)
    assert key(system) != key(other)
    assert key(system) != key(system, with_lanes(machine, machine.lanes * 2))
