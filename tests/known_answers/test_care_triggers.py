"""When supportive care starts is a parameter of its module: a protocol or a population changes it, and the run follows."""

from __future__ import annotations

import shutil

import pytest

from cytotrial.catalogue import load_library
from cytotrial.errors import ProtocolError
from cytotrial.trial import Prepared, recipe_of, run_trial

pytestmark = pytest.mark.needs("drugs/aldesleukin", "diseases/renal_cell_carcinoma", "support/vasopressor")

LOWER = "{vasopressor.target: 65 mmHg}"  # a ward that leaves more of the fall in pressure alone
FIRST_CYCLE = "follow_up: 3 d"
POPULATION = "diseases/renal_cell_carcinoma/population.yaml"


@pytest.fixture(scope="module")
def largest_doses(bench):
    """The largest dose of a vasopressor that each treated patient was given under a protocol."""

    def run(protocol, library=bench.library):
        prepared = Prepared(bench.biology, bench.model)
        vitals = run_trial(protocol, library, keep=False, brief=True, prepared=prepared).table("vitals")
        return vitals[vitals["NAME"] == "pressor_maximum"].groupby(["ARM", "ID"])["AVAL"].max()["Treated"]

    return run


@pytest.fixture(scope="module")
def by_protocol(make_protocol, largest_doses):
    return largest_doses(make_protocol({"follow_up: 6 weeks": f"{FIRST_CYCLE}\nset: {LOWER}"}))


def test_a_protocol_that_sets_a_lower_target_gives_less_vasopressor(make_protocol, largest_doses, by_protocol):
    as_written = largest_doses(make_protocol({"follow_up: 6 weeks": FIRST_CYCLE}))
    assert (as_written > 0).any()
    assert (by_protocol <= as_written).all()
    assert by_protocol.sum() < as_written.sum() / 2


def test_a_population_of_another_era_sets_the_same_trigger(bench, make_protocol, largest_doses, by_protocol, tmp_path):
    root = tmp_path / "library"
    shutil.copytree(bench.library.root, root)
    text = (root / POPULATION).read_text(encoding="utf-8")
    assert text.count("  trials_1985_1993:\n") == 1
    changed = text.replace("  trials_1985_1993:\n", f"  trials_1985_1993:\n    set: {LOWER}\n")
    (root / POPULATION).write_text(changed, encoding="utf-8")
    by_era = largest_doses(make_protocol({"follow_up: 6 weeks": FIRST_CYCLE}), load_library(root))
    assert by_era.tolist() == by_protocol.tolist()


def test_a_trigger_in_another_unit_is_refused_with_the_unit_it_has(bench, make_protocol):
    wrong = make_protocol({"follow_up: 6 weeks": f"{FIRST_CYCLE}\nset: {{vasopressor.target: 65 mL}}"})
    with pytest.raises(ProtocolError, match=r"set\.vasopressor\.target: [^\n]*\n[^\n]*'mmHg'"):
        recipe_of(wrong, bench.library, bench.biology)
