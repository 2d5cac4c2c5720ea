"""A run, open for questions: efficacy, adverse events, doses, tables, SQL, figures, published numbers. It simulates nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pandas as pd

from cytotrial.errors import Place, Problem, RunFolderError, did_you_mean
from cytotrial.evidence.comparison import compare_with_published
from cytotrial.formats.run import Manifest
from cytotrial.results import adverse_events, doses, efficacy, figures, time_courses
from cytotrial.results.context import Context, context_from_json
from cytotrial.results.efficacy import Design
from cytotrial.results.folder import RunFolder
from cytotrial.results.tables import COLUMNS


class Result:
    """The result of a trial. Every table holds SIMULATED patients. Times in tables are hours; in survival, months."""

    def __init__(self, folder: Path) -> None:
        """Opens a complete run folder.

        Raises:
            RunFolderError: not a complete run folder of a version this program reads.
        """
        self._run = RunFolder(folder)

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

    def query(self, sql: str) -> pd.DataFrame:
        """What one SELECT over the tables returns, such as `select ARM, avg(GIVEN) from doses group by ARM`.

        Raises:
            RunFolderError: it is not one SELECT, or DuckDB refuses it.
        """
        return self._run.query(sql)

    def efficacy(self) -> pd.DataFrame:
        """Responses and survival by arm with 95 % intervals, and the published value where one is known."""
        simulated = efficacy.efficacy(self.table("patients"), self.table("responses"), self.table("survival"), arms=self.arms)
        return efficacy.beside(simulated, self.beside_published())

    def between_arms(self) -> pd.DataFrame:
        """Every further arm against the first: paired for twins, two-sample for randomised arms. Empty for one arm."""
        tables = [self.table(name) for name in ("patients", "responses", "survival")]
        return efficacy.compare_arms(*tables, arms=self.arms, design=self.design)

    def adverse_events(self) -> pd.DataFrame:
        """Patients with each adverse event: any grade, grades 1 to 4, grade 3 or more with an exact interval."""
        return adverse_events.adverse_events(self.table("patients"), self.table("adverse_events"), arms=self.arms)

    def doses(self) -> pd.DataFrame:
        """Doses planned and given by arm, drug, course and cycle, with the main reason for those not given."""
        return doses.doses(self.table("doses"), arms=self.arms)

    def doses_by_slot(self) -> pd.DataFrame:
        """For each planned slot, how many patients were given the full dose, a reduced one, or none."""
        return doses.doses_by_slot(self.table("doses"), arms=self.arms)

    def reasons(self) -> pd.DataFrame:
        """Why doses were not given as planned: action, criterion, doses, patients."""
        return doses.reasons(self.table("doses"), arms=self.arms)

    def failures(self) -> pd.DataFrame:
        """Patients whose simulation failed, with the reason; they stay in every denominator."""
        return self.table("failures")

    def beside_published(self) -> pd.DataFrame:
        """Every published number of the compared studies beside the simulated one."""
        return compare_with_published(self._run, self.context.published, arms=self.arms)

    def plots(self) -> list[str]:
        """The names `plot` knows for this run: fixed figures, then the observables of the trajectories."""
        return [*FIGURES, *self.observables()]

    def observables(self) -> list[str]:
        """The names of the time courses in the trajectories."""
        return [
            name for name in self.query("select * from trajectories limit 0").columns if name not in COLUMNS["trajectories"]
        ]

    def plot(self, name: str) -> dict[str, Any]:
        """A figure as Plotly JSON (data, layout): one of `plots()`, such as 'survival', 'doses' or an observable.

        Raises:
            RunFolderError: no figure of that name; the nearest is given.
        """
        if name in FIGURES:
            return cast("dict[str, Any]", getattr(self, f"_plot_{name}")())
        observables = self.observables()
        if name in observables:
            unit = self.context.units.get(name, "")
            return figures.time_course(time_courses.bands(self._run, name), name, arms=self.arms, unit=unit)
        raise RunFolderError(
            [Problem(Place(path=name), f"no figure is called '{name}'.", did_you_mean(name, [*FIGURES, *observables]))]
        )

    def _plot_survival(self) -> dict[str, Any]:
        return figures.survival(self.table("survival"), "OS", arms=self.arms)

    def _plot_progression(self) -> dict[str, Any]:
        return figures.survival(self.table("survival"), "PFS", arms=self.arms)

    def _plot_waterfall(self) -> dict[str, Any]:
        return figures.waterfall(self.table("patients"), self.table("responses"), arms=self.arms)

    def _plot_doses(self) -> dict[str, Any]:
        return figures.doses(self.doses_by_slot(), arms=self.arms)

    def _plot_adverse_events(self) -> dict[str, Any]:
        return figures.adverse_events(self.adverse_events(), arms=self.arms)

    def _plot_benefit_risk(self) -> dict[str, Any]:
        return figures.benefit_risk(self.efficacy(), self.adverse_events(), self.doses(), arms=self.arms)


FIGURES: Sequence[str] = ("survival", "progression", "waterfall", "doses", "adverse_events", "benefit_risk")


def load(folder: Path | str) -> Result:
    """The result in a run folder.

    Raises:
        RunFolderError: not a complete run folder of a version this program reads.
    """
    return Result(Path(folder))
