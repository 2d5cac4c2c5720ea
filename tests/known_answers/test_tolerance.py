"""The tolerance of a run: it reaches the integration, is kept with the run, and makes another run of it."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from cytotrial.api import Trial
from cytotrial.cli.app import app
from cytotrial.engine import Tolerances
from cytotrial.errors import ProtocolError
from cytotrial.formats.run import Manifest
from cytotrial.run_record import run_hash
from cytotrial.trial import run_trial

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


@pytest.fixture
def brief(make_protocol):
    """A protocol of two patients for a day."""
    return make_protocol({"size: 8": "size: 2", "follow_up: 6 weeks": "follow_up: 24 h"})


def test_a_tighter_tolerance_comes_closer_to_the_exact_course(bench, brief):
    found = {
        rtol: run_trial(brief, bench.library, keep=False, rtol=rtol).table("trajectories").drop(columns=["ARM", "ID"])
        for rtol in (1e-3, 1e-6, 1e-8)
    }
    size = found[1e-8].abs().to_numpy() + found[1e-8].abs().max().to_numpy() + 1e-12
    loose, tight = (float(np.nanmax(np.abs(found[rtol].to_numpy() - found[1e-8].to_numpy()) / size)) for rtol in (1e-3, 1e-6))
    # What remains after many steps of 1e-6 each; beside that, trajectories are kept as 32-bit numbers.
    assert tight < 1e-4
    assert tight < loose / 10, (tight, loose)


def test_the_tolerance_is_kept_with_the_run_and_another_one_is_another_run(bench, brief, tmp_path):
    usual = run_trial(brief, bench.library, folder=tmp_path / "usual")
    other = run_trial(brief, bench.library, folder=tmp_path / "other", rtol=1e-6)
    assert (usual.manifest.rtol, other.manifest.rtol) == (Tolerances().rtol, 1e-6)
    assert usual.manifest.hashes["run"] == run_hash(brief, bench.library)
    assert other.manifest.hashes["run"] == run_hash(brief, bench.library, rtol=1e-6) != usual.manifest.hashes["run"]


def test_a_run_from_before_the_tolerance_was_an_option_had_the_default(bench, brief, tmp_path):
    manifest = run_trial(brief, bench.library, folder=tmp_path / "run").manifest
    older = {name: value for name, value in manifest.model_dump(by_alias=True).items() if name != "rtol"}
    assert Manifest.model_validate(older).rtol == Tolerances().rtol


@pytest.mark.parametrize("rtol", [0.0, 1e-11, 0.5, float("nan")])
def test_a_tolerance_out_of_range_is_refused_with_the_range(brief, bench, rtol):
    with pytest.raises(ProtocolError, match=r"rtol: \S+ is not possible\.\s+Expected 1e-10 to 0\.01; the default is 0\.0001\."):
        Trial(brief, library=bench.library).run(rtol=rtol)


def test_the_command_line_takes_it(tmp_path):
    shown = CliRunner().invoke(app, ["run", "hd_il2_rcc", "--patients", "2", "--rtol", "1"])
    assert shown.exit_code == 2
    assert "rtol: 1 is not possible." in str(shown.exception or "") + shown.output
