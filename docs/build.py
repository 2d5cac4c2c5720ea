"""Writes docs/biology: one page and one figure for each module of the library. The text is made from the files, not edited.

`python docs/build.py` writes everything; `--text` writes the pages and leaves the figures as they are. Figures need matplotlib.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
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
from cytotrial.protocol.regimen import parse_regimen

FOLDER = Path(__file__).parent / "biology"
DRUG, REGIMEN, DISEASE = "aldesleukin", "hd_bolus", "renal_cell_carcinoma"
SUPPORT = "standard"
FIGURE_PATIENTS = 100
FIGURE_DAYS = 28
MOST_PANELS = 9
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
    "population through two cycles of high-dose therapy with every planned dose given; no clinic withholds anything there,",
    "so they do worse than in a trial.",
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


def draw_figures(library: Library) -> None:
    """One figure for each module, in the composition of its disease."""
    for disease in library.diseases:
        bench = bench_of(library, drugs=[DRUG], disease=disease)
        typical, population = _simulated(bench, patients=None), _simulated(bench, patients=FIGURE_PATIENTS)
        for name in bench.biology.modules:
            if name == disease or (disease == DISEASE and library.modules[name].group in {*SHARED_GROUPS, "drugs"}):
                panels = _panels(bench, name, typical, population)
                if panels:
                    _draw(panels, typical.time, FOLDER / f"{name}.png")


def _simulated(bench: Bench, *, patients: int | None) -> TimeCourses:
    drug = bench.library.drugs[DRUG]
    return give_regimen(
        bench,
        bench.typical() if patients is None else bench.drawn(patients),
        regimen=parse_regimen(drug.regimens[REGIMEN].sentence),
        drug=drug,
        support=SUPPORT,
        until=FIGURE_DAYS * 24.0,
    )


def _panels(bench: Bench, module: str, typical: TimeCourses, population: TimeCourses) -> list[Shown]:
    """The module's observables, then its states that move and are not such an observable under another name."""
    biology = bench.biology
    found: list[Shown] = []
    for name in biology.system.observables:
        if biology.draft.definitions[name].module == module:
            port = biology.observables[name]
            found.append(Shown(_titled(port.title.en, port.unit), typical.observables[name][0], population.observables[name]))
    for name, state in biology.states.items():
        curve = typical.states[name][0]
        repeated = any(np.allclose(curve, shown.typical, rtol=1e-3, atol=1e-9) for shown in found)
        if state.module == module and not repeated and np.ptp(curve) > state.nominal * 1e-3:
            found.append(Shown(_titled(state.title.en, state.unit), curve, population.states[name]))
    return found[:MOST_PANELS]


def _titled(title: str, unit: str) -> str:
    return title if unit == "1" else f"{title} [{unit}]"


def _draw(panels: Sequence[Shown], time: np.ndarray, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    keep = np.unique(np.linspace(0, time.size - 1, min(POINTS, time.size)).astype(int))
    days = time[keep] / 24.0
    with plt.rc_context({"font.size": 7, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(rows, columns, figsize=(3.0 * columns, 1.9 * rows), squeeze=False, layout="constrained")
        for axis, shown in zip(axes.flat, panels, strict=False):
            low, middle, high = np.nanpercentile(shown.population[:, keep], [5, 50, 95], axis=0)
            axis.fill_between(days, low, high, color="#9ec3de", alpha=0.6, linewidth=0)
            axis.plot(days, middle, color="#2f6f9f", linewidth=0.9, linestyle="--")
            axis.plot(days, shown.typical[keep], color="#12354f", linewidth=1.0)
            axis.set_title(shown.title, fontsize=7, loc="left", wrap=True)
            axis.set_xticks(range(0, FIGURE_DAYS + 1, 7))
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("day")
        figure.savefig(path, dpi=85, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
