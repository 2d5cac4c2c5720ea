"""The same patients under every rule profile of a drug: doses, reasons, toxicity and response, profile beside profile.

It measures the rules, not the biology: arms are twins, so what differs between two rows is what the clinic did. Run it as
`python benchmarks/rules_by_profile.py --patients 1000`; without `--profiles` it takes every profile of the drug.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol.protocol import Protocol, with_overrides, write_yaml
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.results.result import Result
from cytotrial.trial import run_trial

SEVERE = 3  # grade
REASONS_SHOWN = 6


def by_profile(
    path: Path, library: Library, *, profiles: Sequence[str], patients: int, months: float, support: str | None
) -> Protocol:
    """The first arm of a protocol once per rule profile, as twins, compared with no published study."""
    base = read_protocol(path, library)
    content = base.file.model_dump(by_alias=True, exclude_none=True)
    arm = content["arms"][0]
    known = library.drugs[base.arms[0].treatments[0].drug].rules
    content["arms"] = []
    for profile in profiles or sorted(known):
        treatments = [{**treatment, "rules": profile} for treatment in arm["treatments"]]
        content["arms"].append({**arm, "name": profile, "treatments": treatments} | ({"support": support} if support else {}))
    content |= {"design": "twins", "compare_with": [], "follow_up": f"{months:g} months"}
    with TemporaryDirectory() as folder:
        written = Path(folder) / "rules_by_profile.yaml"
        written.write_text(write_yaml(content), encoding="utf-8")
        return with_overrides(read_protocol(written, library), patients=patients)


def doses_table(result: Result) -> pd.DataFrame:
    """Doses given per patient in each cycle and in the first course, beside the doses planned."""
    doses = result.table("doses")
    doses = doses.assign(TAKEN=(doses["GIVEN"] > 0).astype(int))
    first = doses[doses["COURSE"] == 1]
    course = first.groupby(["ARM", "ID"])["TAKEN"].sum().groupby("ARM")
    parts = {"course 1, median": course.median(), "course 1, mean": course.mean()}
    for cycle, part in first.groupby("CYCLE"):
        parts[f"cycle {cycle}, mean"] = part.groupby(["ARM", "ID"])["TAKEN"].sum().groupby("ARM").mean()
    per_course = doses.groupby(["ARM", "ID", "COURSE"])["TAKEN"].sum()
    parts["courses begun"] = (per_course > 0).groupby(["ARM", "ID"]).sum().groupby("ARM").mean()
    second = first[first["CYCLE"] == first["CYCLE"].max()].groupby(["ARM", "ID"])["TAKEN"].sum()
    parts["no last cycle [%]"] = (second == 0).groupby("ARM").mean() * 100
    return pd.DataFrame(parts)


def reasons_table(result: Result) -> pd.DataFrame:
    """The share of the first course's slots not given, by the most frequent reasons [%]."""
    doses = result.table("doses")
    first = doses[doses["COURSE"] == 1]
    planned = first.groupby("ARM").size()
    lost = first[first["GIVEN"] == 0]
    shares = lost.groupby(["ARM", "ACTION", "REASON"]).size().div(planned, level="ARM") * 100
    rows = [part.nlargest(REASONS_SHOWN) for _, part in shares.groupby("ARM")]
    return pd.concat(rows).rename("% of slots").reset_index()


def toxicity_table(result: Result) -> pd.DataFrame:
    """Patients with an event of grade 3 or worse [%]: any, and each term that a tenth of some arm had."""
    patients = result.table("patients").groupby("ARM").size()
    events = result.table("adverse_events")
    severe = events[events["GRADE"] >= SEVERE]
    whole = severe.groupby("ARM")["ID"].nunique().div(patients) * 100
    per_patient = severe.groupby("ARM").size().div(patients)
    terms = severe.groupby(["ARM", "TERM"])["ID"].nunique().div(patients, level="ARM").unstack() * 100
    shown = terms.loc[:, terms.max() >= 10]
    return pd.concat([whole.rename("any"), per_patient.rename("events per patient"), shown], axis=1)


def response_table(result: Result) -> pd.DataFrame:
    """Best confirmed response [%]."""
    best = result.table("responses").groupby(["ARM", "ID"])["BEST"].first()
    shares = best.groupby("ARM").value_counts(normalize=True).unstack(fill_value=0.0) * 100
    return shares.assign(objective=shares.reindex(columns=["CR", "PR"], fill_value=0.0).sum(axis=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the comparison and writes its tables to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", default="hd_il2_rcc")
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--months", type=float, default=12, help="of follow-up")
    parser.add_argument("--profiles", nargs="*", default=[])
    parser.add_argument("--support", default=None, help="set of supportive care of every arm, the protocol's where absent")
    parser.add_argument("--folder", type=Path, default=None, help="keep the run here")
    chosen = parser.parse_args(arguments)
    library = load_library()
    question = by_profile(
        find_protocol(chosen.protocol, library),
        library,
        profiles=chosen.profiles,
        patients=chosen.patients,
        months=chosen.months,
        support=chosen.support,
    )
    result = run_trial(question, library, folder=chosen.folder, keep=chosen.folder is not None, replace=True)
    with pd.option_context(
        "display.width", 200, "display.max_columns", 40, "display.max_colwidth", 60, "display.max_rows", 200
    ):
        for title, table in (
            ("Doses given", doses_table(result)),
            ("Grade 3 or worse, % of patients", toxicity_table(result)),
            ("Best confirmed response, % of patients", response_table(result)),
            ("Doses of course 1 not given", reasons_table(result)),
        ):
            sys.stdout.write(f"\n{title}\n{table.round(1).to_string()}\n")


if __name__ == "__main__":
    main()
