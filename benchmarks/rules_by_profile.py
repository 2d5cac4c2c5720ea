"""The same patients under every rule profile of a drug: doses, reasons, toxicity and response, profile beside profile.

It measures the rules, not the biology: patients of one number are twins in all trials, so what differs between two rows is
what the clinic did. Run it as `python benchmarks/rules_by_profile.py --patients 2000 --at-once 2 --store`; without `--profiles`
it takes every profile of the drug.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from cytotrial.catalogue import Library, load_library
from cytotrial.protocol.protocol import Protocol, with_overrides, write_yaml
from cytotrial.protocol.resolving import find_protocol, read_protocol
from cytotrial.trial import run_trial

SEVERE = 3  # grade
REASONS_SHOWN = 6
READ = ("doses", "patients", "adverse_events", "responses")
OBJECTIVE = ("CR", "PR")
NORMAL_95 = 1.96
RESULTS = Path(__file__).parent / "results" / "rules_by_profile.md"

Tables = Mapping[str, pd.DataFrame]


def under_one_profile(
    profile: str, *, protocol: str, patients: int, months: float, support: str | None
) -> dict[str, pd.DataFrame]:
    """The tables of one trial: the first arm of a protocol under a rule profile."""
    library = load_library()
    question = by_profile(
        find_protocol(protocol, library), library, profile=profile, patients=patients, months=months, support=support
    )
    result = run_trial(question, library, keep=False)
    return {name: result.table(name) for name in READ}


def by_profile(path: Path, library: Library, *, profile: str, patients: int, months: float, support: str | None) -> Protocol:
    """The first arm of a protocol under a rule profile, compared with no published study."""
    base = read_protocol(path, library)
    content = base.file.model_dump(by_alias=True, exclude_none=True)
    arm = content["arms"][0]
    treatments = [{**treatment, "rules": profile} for treatment in arm["treatments"]]
    content["arms"] = [{**arm, "name": profile, "treatments": treatments} | ({"support": support} if support else {})]
    content |= {"design": "twins", "compare_with": [], "follow_up": f"{months:g} months"}
    with TemporaryDirectory() as folder:
        written = Path(folder) / "rules_by_profile.yaml"
        written.write_text(write_yaml(content), encoding="utf-8")
        return with_overrides(read_protocol(written, library), patients=patients)


def doses_table(tables: Tables) -> pd.DataFrame:
    """Doses given per patient in each cycle and in the first course, beside the doses planned."""
    doses = tables["doses"]
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


def reasons_table(tables: Tables) -> pd.DataFrame:
    """The share of the first course's slots not given, by the most frequent reasons [%]."""
    doses = tables["doses"]
    first = doses[doses["COURSE"] == 1]
    planned = first.groupby("ARM").size()
    lost = first[first["GIVEN"] == 0]
    shares = lost.groupby(["ARM", "ACTION", "REASON"]).size().div(planned, level="ARM") * 100
    rows = [part.nlargest(REASONS_SHOWN) for _, part in shares.groupby("ARM")]
    return pd.concat(rows).rename("% of slots").reset_index()


def toxicity_table(tables: Tables) -> pd.DataFrame:
    """Patients with an event of grade 3 or worse [%]: any, and each term that a tenth of some arm had."""
    patients = tables["patients"].groupby("ARM").size()
    events = tables["adverse_events"]
    severe = events[events["GRADE"] >= SEVERE]
    whole = severe.groupby("ARM")["ID"].nunique().div(patients) * 100
    per_patient = severe.groupby("ARM").size().div(patients)
    terms = severe.groupby(["ARM", "TERM"])["ID"].nunique().div(patients, level="ARM").unstack(fill_value=0.0) * 100
    shown = terms.loc[:, terms.max() >= 10]
    return pd.concat([whole.rename("any"), per_patient.rename("events per patient"), shown], axis=1)


def response_table(tables: Tables) -> pd.DataFrame:
    """Best confirmed response [%]."""
    best = tables["responses"].groupby(["ARM", "ID"])["BEST"].first()
    shares = best.groupby("ARM").value_counts(normalize=True).unstack(fill_value=0.0) * 100
    return shares.assign(objective=shares.reindex(columns=["CR", "PR"], fill_value=0.0).sum(axis=1))


def difference_table(tables: Tables) -> pd.DataFrame:
    """Objective response against the first profile in the same patients [points]: difference with its 95 % interval."""
    best = tables["responses"].groupby(["ARM", "ID"])["BEST"].first().isin(OBJECTIVE).unstack("ARM", fill_value=False)
    profiles = list(dict.fromkeys(tables["patients"]["ARM"]))
    first = best[profiles[0]].to_numpy()
    rows = {}
    for profile in profiles[1:]:
        difference = best[profile].to_numpy().astype(float) - first
        half = NORMAL_95 * difference.std(ddof=1) / np.sqrt(difference.size)
        middle = difference.mean()
        rows[f"{profile} - {profiles[0]}"] = {
            "difference": 100 * middle, "low": 100 * (middle - half), "high": 100 * (middle + half),
            "pairs": difference.size, "responds under one alone": int(np.count_nonzero(difference)),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


SHOWN: Mapping[str, Callable[[Tables], pd.DataFrame]] = {
    "Doses given": doses_table,
    "Grade 3 or worse, % of patients": toxicity_table,
    "Best confirmed response, % of patients": response_table,
    "Objective response in the same patients, points": difference_table,
    "Slots of course 1 not given": reasons_table,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the comparison and writes its tables to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", default="hd_il2_rcc")
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--months", type=float, default=12, help="of follow-up")
    parser.add_argument("--profiles", nargs="*", default=[])
    parser.add_argument("--support", default=None, help="set of supportive care of every arm, the protocol's where absent")
    parser.add_argument("--at-once", type=int, default=1, help="profiles, each a process of its own")
    parser.add_argument("--store", action="store_true", help=f"write {RESULTS.name} among the results")
    chosen = parser.parse_args(arguments)
    library = load_library()
    base = read_protocol(find_protocol(chosen.protocol, library), library)
    profiles = chosen.profiles or sorted(library.drugs[base.arms[0].treatments[0].drug].rules)
    run = partial(
        under_one_profile,
        protocol=chosen.protocol,
        patients=chosen.patients,
        months=chosen.months,
        support=chosen.support,
    )
    with ProcessPoolExecutor(chosen.at_once, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(run, profiles))
    tables = {name: pd.concat([one[name] for one in found], ignore_index=True) for name in READ}
    text = "".join(_in_words(title, made(tables)) for title, made in SHOWN.items())
    sys.stdout.write(text)
    if chosen.store:
        asked = f"`{chosen.protocol}`, {chosen.patients} patients, {chosen.months:g} months, {date.today():%Y-%m-%d}"
        RESULTS.write_text(f"# The same patients under each rule profile\n\n{asked}.\n{text}", encoding="utf-8")


def _in_words(title: str, table: pd.DataFrame) -> str:
    with pd.option_context(
        "display.width", 200, "display.max_columns", 40, "display.max_colwidth", 60, "display.max_rows", 200
    ):
        return f"\n## {title}\n\n```text\n{table.round(1).to_string()}\n```\n"


if __name__ == "__main__":
    main()
