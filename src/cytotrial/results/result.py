"""A run, open for questions: efficacy, adverse events, doses, tables, SQL, figures, published numbers. It simulates nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import pandas as pd

from cytotrial.errors import Place, Problem, RunFolderError, did_you_mean
from cytotrial.evidence.comparison import compare_with_published
from cytotrial.formats.run import Manifest
from cytotrial.results import (
    adverse_events,
    care,
    care_in_use,
    choosing,
    comparing,
    course_figures,
    doses,
    efficacy,
    figures,
    forest,
    gradable,
    level_figures,
    patient_figures,
    reporting,
    time_courses,
)
from cytotrial.results.adverse_events import SEVERE, Denominator
from cytotrial.results.context import Context, context_from_json
from cytotrial.results.criteria import of_first
from cytotrial.results.drawing import Figure
from cytotrial.results.efficacy import Design
from cytotrial.results.folder import RunFolder
from cytotrial.results.shown import ShownFigure, result_html
from cytotrial.results.tables import COLUMNS, readable
from cytotrial.units import HOURS_PER_DAY


class Result:
    """The result of a trial. Every table holds SIMULATED patients. Times in tables are hours; in survival, months."""

    def __init__(self, folder: Path) -> None:
        """Opens a complete run folder.

        Raises:
            RunFolderError: not a complete run folder of a version this program reads.
        """
        self._run = RunFolder(folder)
        self._adverse_events: dict[Denominator, pd.DataFrame] = {}

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._run.folder

    @property
    def manifest(self) -> Manifest:
        """Protocol, versions, seed and hashes."""
        return self._run.manifest

    @property
    def arms(self) -> list[str]:
        """The arms, in the order of the protocol."""
        return list(self.manifest.arms)

    @property
    def design(self) -> Design:
        """Whether arms are twins (same patients) or randomised."""
        return "randomised" if self.manifest.protocol.get("design") == "randomised" else "twins"

    @cached_property
    def context(self) -> Context:
        """What was known when the run was made: published studies, parameters, sources, calendars."""
        return context_from_json(self._run.context())

    def table(self, name: str) -> pd.DataFrame:
        """A table of run/1, such as 'labs'; see `cytotrial.results.tables.COLUMNS`.

        Raises:
            RunFolderError: there is no such table; the nearest name is given.
        """
        return self._run.table(name)

    def of_patient(self, name: str, *, arm: str, patient: int) -> pd.DataFrame:
        """The rows of a table of run/1 about one patient of an arm; empty where there are none."""
        return self._run.of_patient(name, arm=arm, patient=patient)

    def query(self, sql: str) -> pd.DataFrame:
        """What one SELECT over the tables returns, such as `select ARM, avg(GIVEN) from doses group by ARM`.

        Raises:
            RunFolderError: it is not one SELECT, or DuckDB refuses it.
        """
        return self._run.query(sql)

    def efficacy(self) -> pd.DataFrame:
        """Responses and survival by arm with 95 % intervals, and the published value where one is known."""
        return self._efficacy.copy()

    @cached_property
    def _efficacy(self) -> pd.DataFrame:
        tables = self._run.coded("patients"), self._run.coded("responses"), self._run.coded("survival")
        simulated = efficacy.efficacy(*tables, arms=self.arms, criteria=self.context.criteria)
        return efficacy.beside(simulated, self.beside_published())

    @cached_property
    def _deciding(self) -> pd.DataFrame:
        """The rows of `responses` by the criteria that decide, where a run has several sets."""
        return of_first(self._run.coded("responses"), self.context.criteria)

    def between_arms(self) -> pd.DataFrame:
        """Arms against each other, benefit and risk: paired for twins, two-sample for randomised. Empty for one arm.

        Every treated arm stands against the one without treatment where there is one, every further one against the first.
        """
        return self._between_arms.copy()

    @cached_property
    def _between_arms(self) -> pd.DataFrame:
        groups = {arm: comparing.Group.of(self, arm) for arm in self.arms}
        pairs = comparing.arm_pairs(self.arms, treated=set(self._run.coded("doses")["ARM"].unique()))
        paired = self.design == "twins"
        frames = [comparing.compare_groups(groups[arm], groups[other], paired=paired) for arm, other in pairs]
        return readable(pd.concat(frames, ignore_index=True)) if frames else comparing.no_comparison()

    def adverse_events(self, *, per: Denominator = "patient") -> pd.DataFrame:
        """Patients (or courses, cycles) with each adverse event: any grade, grades 1 to 5, grade 3 or more with an interval."""
        if per not in self._adverse_events:
            self._adverse_events[per] = self._counted(per)
        return self._adverse_events[per].copy()

    def _counted(self, per: Denominator) -> pd.DataFrame:
        slots = self._run.coded("doses")
        units = self._run.coded("patients") if per == "patient" else slots[slots["GIVEN"].fillna(0) > 0]
        return adverse_events.adverse_events(units, self._run.coded("adverse_events"), arms=self.arms, per=per)

    def not_gradable(self, arm: str) -> frozenset[str]:
        """The terms of adverse events that could not be told in an arm, because nothing that tells them was measured there.

        Empty for runs that keep no grading.
        """
        grading, measured = self.context.grading, self._measured.get(arm, frozenset())
        return frozenset() if grading is None or not measured else gradable.not_gradable(grading, measured)

    @cached_property
    def _measured(self) -> dict[str, frozenset[str]]:
        """The findings that were measured, by arm."""
        rows = self.query("select distinct ARM, NAME from labs union select distinct ARM, NAME from vitals")
        return {arm: frozenset(rows.loc[rows["ARM"] == arm, "NAME"]) for arm in self.arms}

    def adverse_event_times(self) -> pd.DataFrame:
        """When each adverse event begins and how long it lasts [h], by arm and term."""
        return adverse_events.adverse_event_times(self._run.coded("adverse_events"), arms=self.arms)

    def co_occurrence(self, arm: str | None = None, *, at_least: int = SEVERE) -> pd.DataFrame:
        """Adverse events of a grade or more that the same patients of an arm (the first, where None) had."""
        found = self.arms[0] if arm is None else arm
        return adverse_events.co_occurrence(
            self._run.coded("patients"), self._run.coded("adverse_events"), arm=found, at_least=at_least
        )

    def care(self) -> pd.DataFrame:
        """Days of each supportive measure, by arm: wards, drugs at hand, whatever was turned on and off."""
        return self._care.copy()

    @cached_property
    def _care(self) -> pd.DataFrame:
        return care.care_days(self._run.coded("patients"), self._run.coded("inputs"), arms=self.arms)

    def care_in_use(self) -> pd.DataFrame:
        """Care that was really used, such as a vasopressor: patients, courses, hours, by arm. Empty for runs that keep none."""
        return self._care_in_use.copy()

    @cached_property
    def _care_in_use(self) -> pd.DataFrame:
        known = {sign.finding for care in self.context.care_in_use.values() for sign in care.seen_in}
        tables = (self._run.measured(known), self._run.coded("doses"), self._run.coded("patients"))
        return care_in_use.care_in_use(*tables, self.context.care_in_use, arms=self.arms)

    def as_reported(self) -> pd.DataFrame:
        """Side effects as each compared publication would report them, beside all that were graded. Empty without a scheme."""
        return self._as_reported.copy()

    @cached_property
    def _as_reported(self) -> pd.DataFrame:
        tables = self._run.coded("patients"), self._run.coded("adverse_events")
        frames = [reporting.as_reported(*tables, scheme, arms=self.arms) for scheme in self.context.schemes.values()]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=reporting.COLUMNS)

    def exposure(self, observables: Sequence[str] | None = None) -> pd.DataFrame:
        """Start, peak, lowest value and area under the course of observables (None: all), by arm: medians over patients."""
        return care.course_sizes(self._run, self.observables() if observables is None else observables)

    def drug_levels(self) -> list[str]:
        """The observables that are levels of a drug the run gives."""
        return [name for levels in choosing.drug_levels(self.observables(), self._drugs) for name in levels]

    @cached_property
    def _drugs(self) -> tuple[str, ...]:
        return tuple(str(drug) for drug in self._run.coded("doses")["DRUG"].dropna().unique())

    def doses(self) -> pd.DataFrame:
        """Doses planned and given by arm, drug, course and cycle, with the main reason for those not given."""
        return self._doses.copy()

    @cached_property
    def _doses(self) -> pd.DataFrame:
        return doses.doses(self._run.coded("doses"), arms=self.arms)

    def doses_by_slot(self) -> pd.DataFrame:
        """For each planned slot, how many patients were given the full dose, a reduced one, or none."""
        return doses.doses_by_slot(self._run.coded("doses"), arms=self.arms)

    def reasons(self) -> pd.DataFrame:
        """Why doses were not given as planned: action, criterion, doses, patients."""
        return doses.reasons(self._run.coded("doses"), arms=self.arms)

    def failures(self) -> pd.DataFrame:
        """Patients whose simulation failed, with the reason; they stay in every denominator."""
        return self.table("failures")

    def beside_published(self) -> pd.DataFrame:
        """Every published number of the compared studies beside the simulated one."""
        return self._beside_published.copy()

    @cached_property
    def _beside_published(self) -> pd.DataFrame:
        return compare_with_published(self._run, self.context, arms=self.arms)

    def plots(self) -> list[str]:
        """The names `plot` knows for this run: fixed figures, then the observables of the trajectories."""
        return [*self.figures(), *self.observables()]

    @cached_property
    def _first_course_hours(self) -> float | None:
        """When the first course and two weeks of recovery are over: the part of a time course in which most happens."""
        slots = self._run.coded("doses")
        last = slots.loc[(slots["COURSE"] == 1) & (slots["GIVEN"].fillna(0) > 0), "TIME"].max()
        return None if pd.isna(last) else float(last) + RECOVERY_HOURS

    def figures(self) -> list[str]:
        """The names of the fixed figures that this run has data for."""
        endpoints = set(self._run.coded("survival")["PARAMCD"])
        event_free = efficacy.event_free(self._run.coded("survival"))
        missing = {name for name, endpoint in (("survival", "OS"), ("progression", event_free)) if endpoint not in endpoints}
        missing |= {"waterfall", "spider"} if self.context.criteria and not self.context.criteria[0].has_sizes else set()
        missing |= set() if any(one.levels for one in self.context.criteria) else {"levels"}
        missing |= {"benefit_risk"} if figures.benefit_endpoint(self._efficacy) is None else set()
        missing |= {"forest"} if len(self.arms) < 2 else set()
        published = self.beside_published()
        missing |= set() if ((published["estimand"] == "proportion") & published["simulated"].notna()).any() else {"published"}
        return [name for name in FIGURES if name not in missing]

    def observables(self) -> list[str]:
        """The names of the time courses in the trajectories: vital signs first, then laboratory values, the rest last."""
        return list(self._observables)

    @cached_property
    def _observables(self) -> tuple[str, ...]:
        names = [str(name) for name in self.query("select * from trajectories limit 0").columns]
        groups = self.context.groups
        rank = {group: number for number, group in enumerate(OBSERVABLE_GROUPS)}
        kept = (name for name in names if name not in COLUMNS["trajectories"])
        return tuple(sorted(kept, key=lambda name: rank.get(groups.get(name, ""), len(rank))))

    def observables_first(self, most: int) -> list[str]:
        """The observables to look at first, at most so many: drug levels, tumour, what decides over doses and what moved."""
        deciding = {name for rules in self.context.rules.values() for rule in rules for name in rule.findings}
        return choosing.shown_first(
            self._run,
            self.observables(),
            self.context.groups,
            drugs=self._drugs,
            measured=frozenset().union(*self._measured.values()),
            deciding=deciding,
            most=most,
        )

    def plot(self, name: str) -> ShownFigure:
        """A figure as Plotly JSON (data, layout): one of `plots()`, such as 'survival', 'doses' or an observable.

        A notebook shows it; `save("figure.pdf")` and `to_matplotlib()` print it.

        Raises:
            RunFolderError: no figure of that name; the nearest is given.
        """
        if name in FIGURES:
            return ShownFigure(cast("Figure", getattr(self, f"_plot_{name}")()))
        observables = self.observables()
        if name in observables:
            unit = self.context.units.get(name, "")
            title = self.context.titles.get(name, name.replace("_", " "))
            until = None if self.context.groups.get(name) == "tumour" else self._first_course_hours
            bands = time_courses.bands(self._run, name)
            return ShownFigure(course_figures.time_course(bands, title, arms=self.arms, unit=unit, until=until))
        raise RunFolderError(
            [Problem(Place(path=name), f"no figure is called '{name}'.", did_you_mean(name, [*FIGURES, *observables]))]
        )

    def _repr_html_(self) -> str:
        """The answer as a table, for notebooks."""
        return result_html(self)

    def _plot_survival(self) -> Figure:
        return figures.survival(self._run.coded("survival"), "OS", arms=self.arms)

    def _plot_progression(self) -> Figure:
        table = self._run.coded("survival")
        return figures.survival(table, efficacy.event_free(table), arms=self.arms)

    def _plot_waterfall(self) -> Figure:
        return figures.waterfall(self._run.coded("patients"), self._deciding, arms=self.arms)

    def _plot_levels(self) -> Figure:
        tables = self._run.coded("patients"), self._run.coded("responses")
        return level_figures.reached(*tables, self.context.criteria, arms=self.arms)

    def _plot_doses(self) -> Figure:
        return figures.doses(self.doses_by_slot(), arms=self.arms)

    def _plot_adverse_events(self) -> Figure:
        return figures.adverse_events(
            self.adverse_events(), arms=self.arms, not_measured={arm: self.not_gradable(arm) for arm in self.arms}
        )

    def _plot_adverse_event_days(self) -> Figure:
        return patient_figures.adverse_event_days(
            self._run.coded("patients"), self._run.coded("adverse_events"), arms=self.arms
        )

    def _plot_swimmer(self) -> Figure:
        tables = self._run.coded("patients"), self._deciding, self._run.coded("survival"), self._run.coded("doses")
        return patient_figures.swimmer(*tables, arms=self.arms, criteria=self.context.criteria)

    def _plot_spider(self) -> Figure:
        return patient_figures.spider(self._run.coded("patients"), self._deciding, arms=self.arms)

    def _plot_forest(self) -> Figure:
        return forest.between_arms(self.between_arms(), arms=self.arms)

    def _plot_published(self) -> Figure:
        return forest.beside_published(self.beside_published())

    def _plot_benefit_risk(self) -> Figure:
        return figures.benefit_risk(self.efficacy(), self.adverse_events(), self.doses(), arms=self.arms)


RECOVERY_HOURS = 14 * HOURS_PER_DAY

# The order a clinician reads time courses in; within a group, the order of the library's list of what can be measured.
OBSERVABLE_GROUPS: Sequence[str] = ("vital", "lab", "tumour", "sign", "treatment")
FIGURES: Sequence[str] = (
    *("benefit_risk", "forest", "published", "survival", "progression", "waterfall", "spider", "levels", "swimmer"),
    *("adverse_events", "adverse_event_days", "doses"),
)


def load(folder: Path | str) -> Result:
    """The result in a run folder.

    Raises:
        RunFolderError: not a complete run folder of a version this program reads.
    """
    return Result(Path(folder))
