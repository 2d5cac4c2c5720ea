"""Sets the constants of the response to interferon alfa of one disease through the whole chain of a trial.

`python calibration/ifn_diseases.py DISEASE --patients 400 --seeds 1 2 --rounds 1 --workers 8` moves the parameters of the
disease that its calibration studies tell, and their spreads between patients where a plan says so, and writes every point to
`calibration/records/ifn_diseases_DISEASE.json` as it goes; a point is the mean of a trial with each seed. The same call goes on
where it was stopped, unless the library has changed. `--write` then sets the table to the best point, and `--fresh-seeds 11 12`
says what that point gives in trials it was not fitted to. A target is an expectation of a study of the library, read as
`cytotrial run` puts it beside the trial that the study names: a new disease is an entry of `PLANS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from search import Search, Target, moved, to_move, write_into_tables

from cytotrial.catalogue import Library, load_library
from cytotrial.model.composition import compose
from cytotrial.protocol import Protocol, read_protocol, with_overrides
from cytotrial.trial import run_trial


@dataclass(frozen=True)
class Aim:
    """An expectation of a study: the row of the published outcomes, its tolerance in its own unit, and its weight."""

    row: str
    study: str
    expectation: str
    tolerance: float
    weight: float = 1.0

    @property
    def name(self) -> str:
        """How records call it."""
        return f"{self.study}: {self.expectation}"


@dataclass(frozen=True)
class Plan:
    """What is moved, in which trials, towards what.

    Attributes:
        protocols: of the library; together they are compared with every study of the aims.
        free: parameters of the disease, and `name.between_sd` where a spread between patients is moved.
        aims: the published numbers.
    """

    protocols: tuple[str, ...]
    free: tuple[str, ...]
    aims: tuple[Aim, ...]


PLANS: Mapping[str, Plan] = {
    # One effect for all three trials: tolerances are standard errors of the published shares, so that each weighs by its size.
    "melanoma_adjuvant": Plan(
        ("ifn_melanoma_adjuvant", "peg_ifn_melanoma_adjuvant", "ifn_melanoma_induction"),
        ("direct_sensitivity", "attack_share"),
        (
            Aim("MEL-009", "e1684", "relapse_free_at_6_months", 0.04),
            Aim("MEL-010", "e1684", "relapse_free_at_12_months", 0.04),
            Aim("MEL-011", "e1684", "relapse_free_at_24_months", 0.04),
            Aim("MEL-013", "e1684", "relapse_free_at_60_months", 0.04),
            Aim("MEL-014", "e1684", "relapse_free_at_84_months", 0.04),
            Aim("MEL-071", "eggermont2008", "relapse_free_at_48_months", 0.022),
            Aim("eggermont2012", "eggermont2012", "relapse_free_at_84_months", 0.02),
            Aim("agarwala2017", "agarwala2017", "relapse_free_at_60_months", 0.02),
        ),
    ),
    "chronic_myeloid_leukaemia": Plan(
        ("ifn_cml",),
        ("progenitor_loss", "bulk_sensitivity"),
        (
            Aim("CML-006", "baccarani2002", "haematologic_at_6_months", 0.02),
            Aim("CML-008", "baccarani2002", "major_cytogenetic_at_24_months", 0.02),
        ),
    ),
    "hairy_cell_leukaemia": Plan(
        ("ifn_hairy_cell",),
        ("hairy_loss", "unresponsive", "onset_time", "crowding"),
        (
            Aim("HCL-001", "hcl212", "complete", 0.015),
            Aim("HCL-002", "hcl212", "normal_counts", 0.02),
            Aim("HCL-002", "hcl212", "any_response", 0.02, 0.5),
            # How fast counts rise: of a smaller study, whose complete responses do not agree with those of the large one.
            Aim("hcl_low_dose", "hcl_low_dose", "normal_counts_at_3_months", 0.05),
            Aim("hcl_low_dose", "hcl_low_dose", "normal_counts_at_6_months", 0.05),
        ),
    ),
    # The one trial of this disease whose course of both responses is published in numbers; the others are for validation.
    "polycythaemia_vera": Plan(
        ("ropeg_ifn_pv_fast",),
        (
            "stem_cell_loss",
            "stem_cell_loss.between_sd",
            "output_sensitivity",
            "output_sensitivity.between_sd",
            "turnover",
            "erythroid_sensitivity",
        ),
        (
            Aim("PV-ROPEG", "korea_ropeg", "haematologic_at_week_12", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "haematologic_at_week_24", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "haematologic_at_week_48", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "haematologic_at_week_72", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "molecular_at_week_12", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "molecular_at_week_24", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "molecular_at_week_48", 0.03),
            Aim("PV-ROPEG", "korea_ropeg", "molecular_at_week_72", 0.03),
        ),
    ),
    "follicular_lymphoma": Plan(
        ("ifn_follicular_lymphoma",),
        ("chemotherapy_kill", "growth", "immune_loss", "unkilled"),
        (
            Aim("OTH-001", "gelf86_chvp", "objective_response", 0.02),
            Aim("OTH-002", "gelf86_chvp", "event_free_at_19_months", 0.02),
            Aim("OTH-001", "gelf86", "objective_response", 0.02),
            Aim("OTH-002", "gelf86", "event_free_at_34_months", 0.02),
        ),
    ),
    # The series by CD4 count pooled 3 to 54 MIU a day: its rates are too low for 36 MIU, and say less how high than how steep.
    "kaposi_sarcoma": Plan(
        ("ifn_kaposi_36", "ifn_kaposi_sarcoma"),
        ("lesion_loss", "saturating_share", "half_cd4", "immune_power", "symptom_loss"),
        (
            Aim("OTH-009", "real1986", "major_response", 0.03),
            Aim("OTH-010", "real1986_low", "major_response", 0.015),
            Aim("OTH-011", "evans1991", "response_above_400", 0.08),
            Aim("OTH-011", "evans1991", "response_below_200", 0.04, 0.5),
            Aim("OTH-012", "kaposi_label_response", "response_without_symptoms", 0.03),
            Aim("OTH-012", "kaposi_label_response", "response_with_symptoms", 0.03),
        ),
    ),
    "cutaneous_t_cell_lymphoma": Plan(
        ("ifn_ctcl",),
        ("skin_loss", "saturating_share"),
        (
            Aim("OTH-018", "olsen1989_high", "response", 0.03),
            Aim("OTH-017", "olsen1989_low", "response", 0.03),
        ),
    ),
    # Both readings of the response are published; the truth lies between.
    "renal_cell_carcinoma": Plan(
        ("ifn_rcc",),
        ("direct_sensitivity", "direct_sensitivity.between_sd"),
        (
            Aim("RCC-011", "motzer2007", "response_central", 0.015, 0.5),
            Aim("RCC-012", "motzer2007", "response_investigator", 0.015, 0.5),
            Aim("EX-043", "motzer2007", "progression_free_at_6_months", 0.02),
        ),
    ),
}


def main() -> None:
    """Searches, then writes the table and tries fresh seeds where asked."""
    written = argparse.ArgumentParser(description=__doc__)
    written.add_argument("disease", choices=sorted(PLANS))
    written.add_argument("--patients", type=int, default=400)
    written.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    written.add_argument("--rounds", type=int, default=1)
    written.add_argument("--workers", type=int, default=1, help="simulate points side by side; the record is the same")
    written.add_argument("--fresh-seeds", type=int, nargs="*", default=[])
    written.add_argument("--write", action="store_true", help="set the table to the best point")
    asked = written.parse_args()
    library, plan = load_library(), PLANS[asked.disease]
    drugs = tuple(dict.fromkeys(drug for name in plan.protocols for drug in _protocol(library, name).drugs))
    parameters = compose(library, drugs=drugs, disease=asked.disease).parameters
    free = to_move(parameters, [f"{asked.disease}.{name}" for name in plan.free])
    head = {"protocols": list(plan.protocols), "patients": asked.patients, "seeds": asked.seeds}
    targets = targets_of(library, plan)
    search = Search(f"ifn_diseases_{asked.disease}", library=library, free=free, targets=targets, asked=head)

    def trial(values: Mapping[str, float], seed: int) -> dict[str, float]:
        found: dict[str, float] = {}
        with moved(library, free, values) as copy:
            for name in plan.protocols:
                protocol = with_overrides(_protocol(copy, name), patients=asked.patients, seed=seed)
                beside = run_trial(protocol, copy, keep=False, brief=True).beside_published()
                for aim in plan.aims:
                    if aim.study in protocol.compare_with:
                        rows = beside[beside["study"] == aim.study]["simulated"]
                        found[aim.name] = float(rows.iloc[place_of(library, aim)])
        return {name: found[name] for name in targets}

    def measure(values: Mapping[str, float]) -> dict[str, float]:
        found = [trial(values, seed) for seed in asked.seeds]
        return {name: float(np.mean([one[name] for one in found])) for name in targets}

    best = search.run(measure, rounds=asked.rounds, workers=asked.workers)
    search.write(fresh={str(seed): trial(best["values"], seed) for seed in asked.fresh_seeds})
    if asked.write:
        write_into_tables(library, free, best["values"])


def targets_of(library: Library, plan: Plan) -> dict[str, Target]:
    """The targets by name, with the values that the library's studies publish."""
    return {
        aim.name: Target(aim.row, _expectations(library, aim)[place_of(library, aim)][1], aim.tolerance, aim.weight)
        for aim in plan.aims
    }


def place_of(library: Library, aim: Aim) -> int:
    """Which line of its study an aim is, from 0.

    Raises:
        SystemExit: the study has no such expectation.
    """
    ids = [name for name, _ in _expectations(library, aim)]
    if aim.expectation not in ids:
        raise SystemExit(f"{aim.study} has no expectation '{aim.expectation}'; it has {', '.join(ids)}.")
    return ids.index(aim.expectation)


def _protocol(library: Library, name: str) -> Protocol:
    return read_protocol(library.protocols[name], library)


def _expectations(library: Library, aim: Aim) -> Sequence[tuple[str, float]]:
    return [(one.id, one.value) for one in library.evidence[aim.study].expectations]


if __name__ == "__main__":
    main()
