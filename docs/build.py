"""Writes docs/biology: one page and one figure for each module of the library. The text is made from the files, not edited.

`python docs/build.py` writes everything; `--text` writes the pages and leaves the figures as they are. Figures need matplotlib.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cytotrial.catalogue import SHARED_GROUPS, Library, Module, load_library
from cytotrial.errors import LibraryError
from cytotrial.evidence.plausibility import Case, Verdict, check_plausibility, plausibility_cases
from cytotrial.evidence.time_courses import Bench, TimeCourses, bench_of, give_regimen
from cytotrial.formats.module import ParameterRow
from cytotrial.formats.plausibility import PlausibilityCase
from cytotrial.protocol import read_protocol
from cytotrial.protocol.regimen import Regimen, parse_regimen
from cytotrial.results.written import unit_text

FOLDER = Path(__file__).parent / "biology"
DRUG, REGIMEN, DISEASE = "aldesleukin", "hd_bolus", "renal_cell_carcinoma"
SUPPORT = "standard"
AT_HOME = "outpatient"  # where no protocol gives a drug; who is not on a ward loses no blood to its laboratory
FIGURE_PATIENTS = 100
FIGURE_DAYS, MOST_DAYS = 28, 56
MOST_PANELS = 9
DRUG_DAYS, DRUG_PANELS = 21, 6
LETTERS_OF_A_PANEL = 50  # of the title over one column
POINTS = 900  # of a curve; more cannot be seen at this size
GROUPS = {
    "immune": "Immune system",
    "physiology": "Physiology",
    "support": "Supportive care",
    "diseases": "Diseases",
    "drugs": "Drugs",
}
NOT_SIMULATED = "–"
INTRODUCTION = (
    "Made by `python docs/build.py` from the files of the library; edit those. Each module is one folder: equations,",
    "parameters with unit, spread, status and source, and plausibility cases. A figure shows a typical patient and the",
    "population through one course of the regimen named on it, one that moves the module, with every planned dose given;",
    "no clinic withholds anything there, so they do worse than in a trial.",
    "",
    "`measured` and `derived` values come from a source, `fitted` ones were set against a published number, `assumed` ones",
    "are a judgement with its reason beside it.",
)
CAPTION = (
    "A typical patient (line), the median (dashed) and 5–95 % (band) of {patients} drawn patients; every planned dose is given."
)


def main() -> int:
    """The exit status: 1 where a plausibility case could not be simulated."""
    parser = argparse.ArgumentParser(description="Writes docs/biology from the library.")
    parser.add_argument("--text", action="store_true", help="leave the figures as they are")
    options = parser.parse_args()
    library = load_library()
    FOLDER.mkdir(exist_ok=True)
    try:
        verdicts, status = simulate_cases(library), 0
    except LibraryError as error:
        sys.stderr.write(f"{error}\n")
        verdicts, status = {}, 1
    if not options.text:
        draw_figures(library)
    for name, text in pages(library, verdicts).items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return status


def simulate_cases(library: Library) -> dict[str, Verdict]:
    """The verdict of every plausibility case, by 'module.case'."""
    return {verdict.case.title: verdict for verdict in check_plausibility(library, plausibility_cases(library))}


# ------------------------------------------------------------------ pages


def pages(library: Library, verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """The text of every page, by file name."""
    found = {f"{module.id}.md": page(library, module, verdicts) for module in library.modules.values()}
    return {"README.md": index(library), **found}


def without_simulated(text: str) -> str:
    """A page without its simulated values: they follow from the whole biology, not from the files of one folder."""
    lines, column = [], 0
    for line in text.split("\n"):
        cells = re.split(r"(?<!\\)\|", line)
        if " simulated " in cells:
            column = cells.index(" simulated ")
        elif not line.startswith("|"):
            column = 0
        elif column and not line.startswith("|--"):
            cells[column] = f" {NOT_SIMULATED} "
        lines.append("|".join(cells))
    return "\n".join(lines)


def index(library: Library) -> str:
    """The list of modules."""
    lines = ["# The biology, module by module", "", *INTRODUCTION]
    for group, title in GROUPS.items():
        modules = [module for module in library.modules.values() if module.group == group]
        rows = [[f"[{module.file.title.en}]({module.id}.md)", *_counts(module.parameters)] for module in modules]
        lines += ["", f"## {title}", "", *_table(["module", "parameters", "measured or derived", "fitted", "assumed"], rows)]
    return "\n".join(lines) + "\n"


def page(library: Library, module: Module, verdicts: Mapping[str, Verdict]) -> str:
    """The page of a module."""
    parts = [f"# {module.file.title.en}", _where(module)]
    readme = module.folder / "README.md"
    if readme.is_file():
        parts.append(_without_heading(_relinked(readme.read_text(encoding="utf-8"), module.folder)))
    picture = FOLDER / f"{module.id}.png"
    if picture.is_file():
        parts.append(f"![Time courses]({picture.name})")
        parts.append(CAPTION.format(patients=FIGURE_PATIENTS))
    parts += ["## States", *_states(module)] if module.file.states else []
    parts += ["## Equations", *(f"`{path.name}`\n\n```text\n{_text(path)}\n```" for path in module.equations)]
    parts += ["## Parameters", *_parameters(module)] if module.parameters else []
    cases = [Case(module.id, name, case) for name, case in _cases(library, module).items()]
    parts += ["## Plausibility", _plausibility(cases, verdicts)] if cases else []
    keys = dict.fromkeys(key for row in module.parameters for key in (row.source, row.spread_source) if key)
    keys |= dict.fromkeys(case.content.source.ref for case in cases)
    parts += ["## Sources", _sources(library, sorted(keys))] if keys else []
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _where(module: Module) -> str:
    path = f"{module.group}/{module.id}"
    link = os.path.relpath(module.folder, FOLDER).replace(os.sep, "/")
    return f"Module `{module.id}` of the group {GROUPS[module.group].lower()}: [library/{path}]({link})."


def _states(module: Module) -> list[str]:
    rows = []
    for name, state in module.file.states.items():
        start = f"`{state.initial}`" if isinstance(state.initial, str) else f"{state.initial:g}"
        rows.append([f"`{name}`", state.title.en, state.unit, start, _range(state.range_.low, state.range_.high)])
    return ["\n".join(_table(["state", "what it is", "unit", "start", "limits"], rows))]


def _parameters(module: Module) -> list[str]:
    rows = [
        [f"`{row.name}`", _value(row), row.unit, _spread(row), row.status, _cited(row.source, row.where), row.note]
        for row in module.parameters
    ]
    return ["\n".join(_table(["parameter", "value", "unit", "spread", "status", "source", "note"], rows))]


def _plausibility(cases: Sequence[Case], verdicts: Mapping[str, Verdict]) -> str:
    rows = []
    for case in cases:
        content, verdict = case.content, verdicts.get(case.title)
        unit = "" if content.unit == "1" else f" {content.unit}"
        value = NOT_SIMULATED if verdict is None else f"{verdict.value:.3g}{unit}{'' if verdict.is_inside else ' (outside)'}"
        limits = f"{content.low:g} to {content.high:g}{unit}"
        source = _cited(content.source.ref, content.source.where)
        rows.append([content.title.en, content.regimen, value, limits, content.status, source])
    return "\n".join(_table(["case", "regimen", "simulated", "range", "status", "source"], rows))


def _sources(library: Library, keys: Iterable[str]) -> str:
    lines = []
    for key in keys:
        entry = library.sources.get(key, {})
        people = ", ".join(person.get("family", "") for person in entry.get("author", []))
        parts = [people, str(entry.get("title", "")), str(entry.get("container-title", "")), str(entry.get("issued", ""))]
        lines.append(f"- `{key}`: {'. '.join(part for part in parts if part)}.")
    return "\n".join(lines)


def _cases(library: Library, module: Module) -> Mapping[str, PlausibilityCase]:
    return library.plausibility[module.id].cases if module.id in library.plausibility else {}


def _counts(rows: Sequence[ParameterRow]) -> list[str]:
    known = sum(row.status in {"measured", "derived"} for row in rows)
    fitted = sum(row.status == "fitted" for row in rows)
    return [str(number) for number in (len(rows), known, fitted, len(rows) - known - fitted)]


def _value(row: ParameterRow) -> str:
    return f"`{row.value}`" if isinstance(row.value, str) else f"{row.value:g}"


def _spread(row: ParameterRow) -> str:
    if row.scale in {"uniform", "loguniform"}:
        return f"{row.scale} {_range(row.low, row.high)}"
    if not row.between_sd:
        return ""
    limits = _range(row.low, row.high)
    return f"{row.scale} SD {row.between_sd:g}" + (f", {limits}" if limits else "")


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"from {low:g}"
    return f"up to {high:g}" if low is None else f"{low:g} to {high:g}"


def _cited(source: str, where: str) -> str:
    return ", ".join(part for part in (f"`{source}`" if source else "", where) if part)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[" ".join(str(cell).replace("|", "\\|").split()) for cell in row] for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in cells)]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip("\n")


def _without_heading(text: str) -> str:
    """The text without its title; its other headings stand one level deeper."""
    lines = text.strip().splitlines()
    return "\n".join(f"#{line}" if line.startswith("##") else line for line in lines if not line.startswith("# "))


def _relinked(text: str, folder: Path) -> str:
    def moved(match: re.Match[str]) -> str:
        target = match[1]
        if target.startswith(("http://", "https://", "#")):
            return match[0]
        return f"]({os.path.relpath(folder / target, FOLDER).replace(os.sep, '/')})"

    return re.sub(r"\]\(([^)\s]+)\)", moved, text)


# ------------------------------------------------------------------ figures


@dataclass(frozen=True)
class Shown:
    """One panel: a title with its unit, the time courses of the typical patient and of the population."""

    title: str
    typical: np.ndarray
    population: np.ndarray


@dataclass(frozen=True)
class Question:
    """What a figure is drawn under: one course of a regimen in a disease, with the supportive care of its protocol."""

    drug: str
    regimen: str
    disease: str
    support: str

    def days(self, library: Library) -> int:
        """How long it is followed: a week beyond the last dose, within limits."""
        last = max(dose.hours for dose in _regimen(library, self).doses) / 24.0
        return int(min(max(FIGURE_DAYS, last + 7), MOST_DAYS))

    def title(self, library: Library) -> str:
        """The question in words."""
        drug = library.drugs[self.drug]
        return f"{drug.file.title.en}: {drug.regimens[self.regimen].title.en}. {library.diseases[self.disease].file.title.en}"


def questions(library: Library) -> list[Question]:
    """The question of most figures first, then one for each disease, of its first protocol, and one for each other drug."""
    found = [Question(DRUG, REGIMEN, DISEASE, SUPPORT)]
    plans = [read_protocol(path, library) for path in library.protocols.values()]
    given = [(plan.disease, treatment) for plan in plans for arm in plan.arms for treatment in arm.treatments]
    for disease in library.diseases:
        named = [
            Question(one.drug, one.regimen_name, place, one.support)
            for place, one in given
            if place == disease and one.regimen_name
        ]
        found += named[:1] if disease != DISEASE else []
    for name, drug in library.drugs.items():
        if name not in {question.drug for question in found}:
            disease, support = next(((place, one.support) for place, one in given if one.drug == name), (DISEASE, AT_HOME))
            found.append(Question(name, next(iter(drug.regimens)), disease, support))
    return found


def chosen_questions(library: Library) -> dict[str, tuple[Question, Bench, TimeCourses]]:
    """For each module the question under which its typical patient is drawn: its own drug or disease, or what moves it.

    The first question stands where it moves a module at least half as far as the one that moves it most.
    """
    asked = []
    for question in questions(library):
        bench = bench_of(library, drugs=[question.drug], disease=question.disease)
        asked.append((question, bench, _simulated(bench, question, patients=None)))
    tried = _tried(library)
    found = {}
    for name, module in library.modules.items():
        own = [one for one in asked if name == one[0].drug and name in one[1].biology.modules] or [
            one
            for one in asked
            if name in one[1].biology.modules
            and one[0].disease in tried[one[0].drug]
            and (module.group in SHARED_GROUPS or name == one[0].disease)
        ]
        moved = _moved(name, [(bench, typical) for _, bench, typical in own])
        if own:
            found[name] = own[0] if moved[0] >= moved.max() / 2 else own[int(np.argmax(moved))]
    return found


def draw_figures(library: Library) -> None:
    """One figure for each module, under the drug that moves it."""
    populations: dict[Question, TimeCourses] = {}
    for name, (question, bench, typical) in chosen_questions(library).items():
        if question not in populations:
            populations[question] = _simulated(bench, question, patients=FIGURE_PATIENTS)
        panels = _panels(bench, name, typical, populations[question])
        if panels:
            # The level of a drug is the same after every dose: more of them only hide it.
            days = DRUG_DAYS if name in library.drugs else MOST_DAYS
            panels = panels[:DRUG_PANELS] if name in library.drugs else panels
            _draw(panels, typical.time, FOLDER / f"{name}.png", title=question.title(library), days=days)


def _tried(library: Library) -> Mapping[str, set[str]]:
    """The diseases in which a shipped protocol gives each drug; others are no question that anybody asked."""
    found: dict[str, set[str]] = {name: set() for name in library.drugs}
    for path in library.protocols.values():
        plan = read_protocol(path, library)
        for drug in plan.drugs:
            found[drug].add(plan.disease)
    return found


def _regimen(library: Library, question: Question) -> Regimen:
    return parse_regimen(library.drugs[question.drug].regimens[question.regimen].sentence)


def _simulated(bench: Bench, question: Question, *, patients: int | None) -> TimeCourses:
    return give_regimen(
        bench,
        bench.typical() if patients is None else bench.drawn(patients),
        regimen=_regimen(bench.library, question),
        drug=bench.library.drugs[question.drug],
        support=question.support,
        until=question.days(bench.library) * 24.0,
    )


def _moved(module: str, answers: Sequence[tuple[Bench, TimeCourses]]) -> np.ndarray:
    """How far each answer moves the curves of a module, of the farthest that any moves them: the mean over its curves."""
    ranges: list[dict[str, float]] = []
    for bench, typical in answers:
        biology = bench.biology
        names = [name for name in biology.system.observables if biology.draft.definitions[name].module == module]
        early = typical.time <= FIGURE_DAYS * 24.0  # so that a longer regimen does not win by its length
        curves = {name: typical.observables[name][0][early] for name in names}
        own = [name for name in biology.system.states if biology.states[name].module == module]
        curves |= {name: typical.states[name][0][early] for name in own}
        ranges.append({name: float(np.ptp(curve)) for name, curve in curves.items()})
    most = {name: max(one.get(name, 0.0) for one in ranges) for one in ranges for name in one}
    moving = [name for name, value in most.items() if value > 0]
    return np.array([np.mean([one.get(name, 0.0) / most[name] for name in moving] or [0.0]) for one in ranges])


def _panels(bench: Bench, module: str, typical: TimeCourses, population: TimeCourses) -> list[Shown]:
    """The module's observables, then its states that move and are not such an observable under another name."""
    biology = bench.biology
    found: list[Shown] = []
    for name in biology.system.observables:
        if biology.draft.definitions[name].module == module:
            port = biology.observables[name]
            found.append(Shown(_titled(port.title.en, port.unit), typical.observables[name][0], population.observables[name]))
    for name in biology.system.states:
        state, curve = biology.states[name], typical.states[name][0]
        repeated = any(np.allclose(curve, shown.typical, rtol=1e-3, atol=1e-9) for shown in found)
        if state.module == module and not repeated and np.ptp(curve) > state.nominal * 1e-3:
            found.append(Shown(_titled(state.title.en, state.unit), curve, population.states[name]))
    return found[:MOST_PANELS]


def _titled(title: str, unit: str) -> str:
    printed = unit_text(unit)
    return f"{title} [{printed}]" if printed else title


def _draw(panels: Sequence[Shown], time: np.ndarray, path: Path, *, title: str, days: int) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    shown = np.flatnonzero(time <= days * 24.0)
    keep = shown[np.unique(np.linspace(0, shown.size - 1, min(POINTS, shown.size)).astype(int))]
    day = time[keep] / 24.0
    with plt.rc_context({"font.size": 7, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(rows, columns, figsize=(3.0 * columns, 1.9 * rows), squeeze=False, layout="constrained")
        for axis, panel in zip(axes.flat, panels, strict=False):
            low, middle, high = np.nanpercentile(panel.population[:, keep], [5, 50, 95], axis=0)
            axis.fill_between(day, low, high, color="#9ec3de", alpha=0.6, linewidth=0)
            axis.plot(day, middle, color="#2f6f9f", linewidth=0.9, linestyle="--")
            axis.plot(day, panel.typical[keep], color="#12354f", linewidth=1.0)
            axis.set_title(panel.title, fontsize=7, loc="left", wrap=True)
            axis.set_xticks(np.arange(0, day[-1] + 1, 7))
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("day")
        figure.suptitle(
            "\n".join(textwrap.wrap(title, LETTERS_OF_A_PANEL * columns)), fontsize=7, x=0.01, ha="left", color="#5c6670"
        )
        figure.savefig(path, dpi=85, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
