"""The answer of a trial beside those of the same trial with a parameter moved."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.errors import ProtocolError
from cytotrial.protocol.protocol import with_overrides
from cytotrial.replicates import trial_answers
from cytotrial.trial import run_trial
from cytotrial.trial_sensitivity import COLUMNS, trial_sensitivities

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


def test_each_answer_stands_beside_those_of_the_trial_with_the_parameter_moved_both_ways(bench):
    table = trial_sensitivities(bench.protocol, bench.library, to=["aldesleukin.clearance"], share=0.5)
    assert tuple(table.columns) == COLUMNS
    plain = trial_answers(run_trial(bench.protocol, bench.library, keep=False, brief=True))
    np.testing.assert_array_equal(table["value"], plain["value"])
    value = bench.biology.parameters["aldesleukin.clearance"].value
    higher = with_overrides(bench.protocol, set={"aldesleukin.clearance": f"{1.5 * value!r} L/h"})
    moved = trial_answers(run_trial(higher, bench.library, keep=False, brief=True))
    found = moved.set_index(["arm", "endpoint"])["value"].to_dict()
    for row in table.itertuples():
        assert row.higher == pytest.approx(found[row.arm, row.endpoint], nan_ok=True), row.endpoint
    treated = table[table["arm"] == "Treated"]
    assert (treated["lower"] != treated["higher"]).any()
    untreated = table[table["arm"].str.startswith("Observed") & ~table["endpoint"].str.contains("against")]
    np.testing.assert_array_equal(untreated["lower"], untreated["value"])
    np.testing.assert_array_equal(untreated["higher"], untreated["value"])


@pytest.mark.parametrize(
    ("to", "share", "message"),
    [
        ("aldesleukin.clearence", 0.1, r"Did you mean 'aldesleukin\.clearance'\?"),
        ("aldesleukin.clearance", 1.0, r"share: 1 is not possible\.\s+Expected above 0 and below 1\."),
        ("aldesleukin.absorption", 0.99, r"is outside what 'aldesleukin\.absorption' can be\."),
    ],
)
def test_a_move_that_cannot_be_made_is_refused(bench, to, share, message):
    with pytest.raises(ProtocolError, match=message):
        trial_sensitivities(bench.protocol, bench.library, to=[to], share=share)


def test_what_the_protocol_sets_is_what_is_moved(bench):
    limited = with_overrides(bench.protocol, set={"absorption": "1.4 1/h"})
    with pytest.raises(ProtocolError, match=r"1\.54\S* 1/h is outside"):
        trial_sensitivities(limited, bench.library, to=["aldesleukin.absorption"], share=0.1)
