"""What the page of the engine counts without a clock."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.needs("protocols/hd_il2_rcc.yaml", "drugs/aldesleukin", "diseases/renal_cell_carcinoma")


def test_the_size_of_a_step_is_counted_in_the_engines_own_program():
    from benchmarks.engine.answers import step_sizes

    (size,) = step_sizes(["hd_il2_rcc"])
    assert size.protocol == "hd_il2_rcc"
    # Each of the eight stages computes every rate and solves with every entry of the matrix.
    assert size.operations > 8 * (size.states + size.entries)
