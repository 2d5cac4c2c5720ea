"""`cytotrial sources` and `cytotrial cite`: what a protocol rests on, to be read and to be cited. It looks nothing up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytotrial.cli.console import results
from cytotrial.cli.shelf import LibraryFolder, chosen_library

if TYPE_CHECKING:
    from cytotrial.catalogue import Library

FORMS = ("text", "bibtex", "csl")
BIBTEX_TYPES = {
    "article-journal": "article",
    "book": "book",
    "chapter": "incollection",
    "webpage": "misc",
    "report": "techreport",
}
PROTOCOL_HELP = "A shipped protocol, or a file."


def sources(
    protocol: Annotated[str, typer.Argument(help=PROTOCOL_HELP, show_default=False)],
    *,
    shelf: LibraryFolder = None,
) -> None:
    """What a protocol rests on: each source with the parameters taken from it (none: its patients), and those without one."""
    from cytotrial.cli import listings

    listings.print_sources(results(), chosen_library(shelf), protocol=protocol)


def cite(
    protocol: Annotated[str, typer.Argument(help=PROTOCOL_HELP, show_default=False)],
    *,
    shelf: LibraryFolder = None,
    form: Annotated[str, typer.Option("--as", metavar="FORM", help="text, bibtex, or csl (JSON).")] = "text",
) -> None:
    """The references of a protocol: of its parameters, patients, regimens, rules and the studies it is compared with."""
    from cytotrial.errors import Place, Problem, ProtocolError, did_you_mean
    from cytotrial.report.wording import reference

    if form not in FORMS:
        raise ProtocolError([Problem(Place(path="--as"), f"no form is called '{form}'.", did_you_mean(form, FORMS))])
    library = chosen_library(shelf)
    entries = {key: library.sources.get(key, {}) for key in cited_keys(library, protocol)}
    if form == "csl":
        typer.echo(json.dumps([{"id": key, **fields} for key, fields in entries.items()], indent=2, ensure_ascii=False))
        return
    for key, fields in entries.items():
        typer.echo(
            bibtex(key, fields) if form == "bibtex" else f"[{key}] {reference(fields) if fields else 'not in the bibliography'}"
        )


def cited_keys(library: Library, protocol: str) -> list[str]:
    """The keys of the bibliography that a protocol uses, sorted."""
    from cytotrial.cli.listings import modules_of, population_keys
    from cytotrial.protocol import find_protocol, read_protocol

    plan = read_protocol(find_protocol(protocol, library), library)
    keys = {row.source for module in modules_of(library, protocol) for row in module.parameters if row.source}
    keys |= population_keys(library, protocol)
    keys |= {library.evidence[study].source for study in plan.compare_with}
    for treatment in (treatment for arm in plan.arms for treatment in arm.treatments):
        drug = library.drugs[treatment.drug]
        rules = drug.rules[treatment.rules]
        keys |= {criterion.source.ref for criterion in rules.criteria}
        if treatment.regimen_name:
            keys.add(drug.regimens[treatment.regimen_name].source.ref)
    return sorted(keys)


def bibtex(key: str, fields: dict[str, Any]) -> str:
    """A bibliography entry of CSL fields as BibTeX.

    >>> print(bibtex("doe1995", {"title": "On cells", "issued": {"date-parts": [[1995]]}}))
    @article{doe1995,
      title = {On cells},
      year = {1995}
    }
    """
    people = fields.get("author", ())
    names = (
        people
        if isinstance(people, str)
        else " and ".join(f"{one.get('family', one.get('literal', ''))}, {one.get('given', '')}".rstrip(", ") for one in people)
    )
    issued = fields.get("issued", {})
    parts = issued.get("date-parts", [[""]]) if isinstance(issued, dict) else [[issued]]
    entries = {
        "author": names,
        "title": fields.get("title", ""),
        "journal": fields.get("container-title", ""),
        "year": parts[0][0] if parts and parts[0] else "",
        "volume": fields.get("volume", ""),
        "number": fields.get("issue", ""),
        "pages": str(fields.get("page", "")).replace("-", "--"),
        "doi": fields.get("DOI", ""),
        "url": fields.get("URL", ""),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in entries.items() if str(value)]
    kind = BIBTEX_TYPES.get(str(fields.get("type", "article-journal")), "misc")
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"
