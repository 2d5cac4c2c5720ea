"""What identifies a run: the same question has one hash and one folder, another question has others."""

from __future__ import annotations

import pytest

from cytotrial.errors import RunFolderError
from cytotrial.protocol.protocol import with_overrides
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.run_record import code_hash, context_of, default_folder, reusable_run, run_hash

pytestmark = pytest.mark.needs("drugs/aldesleukin", "protocols/hd_il2_rcc.yaml", "diseases/renal_cell_carcinoma")


@pytest.fixture(scope="module")
def protocol(library):
    return read_protocol(find_protocol("hd_il2_rcc", library), library)


def test_the_same_question_has_the_same_hash(protocol, library):
    again = read_protocol(find_protocol("hd_il2_rcc", library), library)
    assert run_hash(protocol, library) == run_hash(again, library)
    assert len(run_hash(protocol, library)) == 64


@pytest.mark.parametrize("change", [{"seed": 2}, {"patients": 256}, {"set": {"aldesleukin.clearance": "10 L/h"}}])
def test_another_question_has_another_hash(protocol, library, change):
    assert run_hash(with_overrides(protocol, **change), library) != run_hash(protocol, library)


def test_the_hash_follows_the_code(protocol, library, monkeypatch):
    before = run_hash(protocol, library)
    monkeypatch.setattr("cytotrial.run_record.code_hash", lambda: "other code")
    assert run_hash(protocol, library) != before
    assert code_hash() != "other code"


def test_the_default_folder_names_protocol_seed_and_hash(protocol):
    assert default_folder(protocol, "0123456789abcdef").as_posix() == "runs/hd_il2_rcc-1-01234567"


def test_a_folder_without_a_run_has_nothing_to_reuse(tmp_path):
    assert reusable_run(tmp_path / "nowhere", "hash", chosen=True) is None
    assert reusable_run(tmp_path, "hash", chosen=True) is None


def test_a_damaged_run_in_the_named_folder_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match="cannot be read"):
        reusable_run(tmp_path, "hash", chosen=True)


def test_the_context_names_every_parameter_and_every_source_it_cites(protocol, library):
    from cytotrial.model.composition import compose

    biology = compose(library, drugs=protocol.drugs, disease=protocol.disease)
    context = context_of(protocol, library, biology)
    assert {row.name for row in context.parameters} == set(biology.parameters)
    assert {row.source for row in context.parameters if row.source} <= set(context.sources)
    assert [study.study for study in context.published] == [library.evidence[name].study for name in protocol.compare_with]
    assert set(context.calendars) == {arm.name for arm in protocol.arms}
