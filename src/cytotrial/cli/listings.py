"""Lists what the library holds: drugs, diseases, protocols, regimens, parameters, sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cytotrial.cli.console import print_indented
from cytotrial.cli.tables import cell_text, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from cytotrial.catalogue import Drug, Library, Module

LONGEST_VALUE = 24


def print_drugs(console: Console, library: Library) -> None:
    """Every drug with its routes, regimens and rule profiles."""
    rows = [
        (name, drug.file.title.en, ", ".join(drug.file.routes), "\n".join(drug.regimens), "\n".join(drug.rules))
        for name, drug in library.drugs.items()
    ]
    print_rows(
        console, rows, columns=("drug", "title", "routes", "regimens", "rules"), title="Drugs", optional=("title", "routes")
    )


def print_diseases(console: Console, library: Library) -> None:
    """Every disease with its populations and eligibility criteria."""
    rows = [
        (name, disease.file.title.en, "\n".join(disease.populations.populations), "\n".join(disease.populations.eligibility))
        for name, disease in library.diseases.items()
    ]
    print_rows(console, rows, columns=("disease", "title", "populations", "eligibility"), title="Diseases", optional=("title",))


def print_protocols(console: Console, library: Library) -> None:
    """Every shipped protocol with its question."""
    from cytotrial.errors import LibraryError
    from cytotrial.formats.protocol import ProtocolFile
    from cytotrial.reading import read_yaml

    rows = []
    for name, path in library.protocols.items():
        file = read_yaml(path, ProtocolFile, error=LibraryError).content
        rows.append((name, file.title.en, file.disease, str(len(file.arms))))
    print_rows(
        console,
        rows,
        columns=("protocol", "title", "disease", "arms"),
        right=("arms",),
        title="Protocols",
        optional=("arms", "disease"),
    )
    console.print("`cytotrial show PROTOCOL` echoes one with its calendar.", style="dim")


def print_regimens(console: Console, library: Library, *, drug: str | None) -> None:
    """The named regimens of a drug, or of all, each as a sentence and a calendar."""
    from cytotrial.protocol import parse_regimen

    for chosen in chosen_drugs(library, drug):
        for name, regimen in chosen.regimens.items():
            console.print(f"{chosen.id}: {name}", style="bold", markup=False)
            print_indented(console, f"{regimen.title.en} [{regimen.source.ref}]", by=2)
            print_indented(console, regimen.sentence, by=2)
            for line in parse_regimen(regimen.sentence).calendar():
                print_indented(console, line, by=4)


def chosen_drugs(library: Library, drug: str | None) -> list[Drug]:
    """The drug of that name, or all drugs; raises ProtocolError with the nearest name."""
    if drug is None:
        return list(library.drugs.values())
    if drug not in library.drugs:
        raise _unknown("drug", drug, library.drugs, see="`cytotrial show drugs` lists all drugs.")
    return [library.drugs[drug]]


def print_parameters(console: Console, library: Library, *, name: str | None) -> None:
    """The parameters of a module, of the modules a protocol uses, or of the whole library; or one, `module.name`, in full."""
    module, _, parameter = (name or "").partition(".")
    if parameter and module in library.modules:
        _print_parameter(console, library.modules[module], name=parameter)
        return
    rows = [
        (
            f"{module.id}.{row.name}",
            shortened(cell_text(row.value)),
            row.unit,
            cell_text(row.between_sd) if row.between_sd else "",
            row.status,
            row.source,
            row.where,
        )
        for module in modules_of(library, name)
        for row in module.parameters
    ]
    columns = ("parameter", "value", "unit", "spread", "status", "source", "where")
    print_rows(console, rows, columns=columns, right=("spread",), title="Parameters", optional=("where", "spread", "source"))
    console.print("`cytotrial show parameters MODULE.NAME` prints one in full.", style="dim")


def shortened(text: str) -> str:
    """A text cut to the width of a column; formulas are longer."""
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _print_parameter(console: Console, module: Module, *, name: str) -> None:
    rows = {row.name: row for row in module.parameters}
    if name not in rows:
        raise _unknown("parameter", name, rows, see=f"`cytotrial show parameters {module.id}` lists all of this module.")
    row = rows[name]
    written = {key: cell_text(value) for key, value in row.model_dump().items() if key in row.model_fields_set}
    print_rows(
        console,
        [(key, text) for key, text in written.items() if text],
        columns=("column", "value"),
        title=f"{module.id}.{name}",
    )


def print_sources(console: Console, library: Library, *, protocol: str | None) -> None:
    """The bibliography; with a protocol, the sources of its parameters, how many rest on each, and those of its population."""
    counts: dict[str, int] = {}
    unsourced: dict[str, int] = {}
    for module in modules_of(library, protocol):
        for row in module.parameters:
            if row.source:
                counts[row.source] = counts.get(row.source, 0) + 1
            else:
                unsourced[row.status] = unsourced.get(row.status, 0) + 1
    used = counts.keys() | (set() if protocol is None else population_keys(library, protocol))
    shown = library.sources if protocol is None else {key: library.sources.get(key, {}) for key in sorted(used)}
    rows = [(key, str(counts.get(key, 0)), citation_text(fields)) for key, fields in shown.items()]
    print_rows(console, rows, columns=("key", "parameters", "source"), right=("parameters",), title="Sources")
    for status, count in sorted(unsourced.items()):
        console.print(f"{count} parameters without a source: {status}", style="dim", markup=False)


def population_keys(library: Library, protocol: str) -> set[str]:
    """The keys of the bibliography behind the patients of a protocol: covariates, what follows progression, life table."""
    from cytotrial.protocol import find_protocol, read_protocol

    if protocol in library.modules:
        return set()
    plan = read_protocol(find_protocol(protocol, library), library)
    population = library.diseases[plan.disease].populations.populations[plan.population]
    sources = [population.source, *(drawn.source for drawn in population.covariates.values())]
    if population.after_progression is not None:
        sources.append(population.after_progression.source)
    if population.life_table is not None:
        sources.append(library.life_tables[population.life_table].source)
    return {source.ref for source in sources if source is not None}


def citation_text(fields: Mapping[str, Any]) -> str:
    """A source in one line.

    >>> citation_text({"author": [{"family": "Doe"}], "issued": {"date-parts": [[1995]]}, "title": "On cells"})
    'Doe, 1995. On cells.'
    """
    listed = fields.get("author", [])
    authors = [listed] if isinstance(listed, str) else [str(one.get("family") or one.get("literal", "")) for one in listed]
    names = f"{authors[0]} et al." if len(authors) > 3 else " and ".join(authors)
    issued = fields.get("issued", "")
    year = str(issued["date-parts"][0][0]) if isinstance(issued, dict) and issued.get("date-parts") else str(issued or "")
    lead = ", ".join(part for part in (names, year) if part)
    rest = [lead, fields.get("title", ""), fields.get("container-title", "")]
    text = ". ".join(str(part).rstrip(".") for part in rest if part)
    found = next((f" {key} {fields[key]}" for key in ("DOI", "PMID", "URL") if key in fields), "")
    return f"{text}.{found}" if text else found.strip()


def modules_of(library: Library, name: str | None) -> Iterable[Module]:
    """The module of that name, the modules that a protocol composes, or all modules."""
    if name is None:
        return library.modules.values()
    if name in library.modules:
        return [library.modules[name]]
    from cytotrial.catalogue import SHARED_GROUPS
    from cytotrial.protocol import find_protocol, read_protocol

    plan = read_protocol(find_protocol(name, library), library)
    used = {plan.disease, *(treatment.drug for arm in plan.arms for treatment in arm.treatments)}
    return [module for module in library.modules.values() if module.group in SHARED_GROUPS or module.id in used]


def _unknown(kind: str, name: str, valid: Iterable[str], *, see: str) -> Exception:
    from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean

    return ProtocolError([Problem(Place(), f"unknown {kind} '{name}'.", did_you_mean(name, valid, see=see))])
