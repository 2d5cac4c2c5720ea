"""`cytotrial show`: what the library holds, and a protocol as it was understood. Chooses which listing; the listings print."""

from __future__ import annotations

from typing import Annotated

import typer

from cytotrial.cli.console import results
from cytotrial.cli.shelf import LibraryFolder, chosen_library

TOPICS = ("drugs", "diseases", "protocols", "rules", "regimens", "parameters", "sources")


def show(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help=f"{', '.join(TOPICS)}, or a protocol (name or file).", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Of a drug (rules, regimens), a protocol or module (parameters), or a protocol (sources).",
            show_default=False,
        ),
    ] = None,
    item: Annotated[
        str | None, typer.Argument(metavar="[PROFILE]", help="With `show rules DRUG`: one profile in full.", show_default=False)
    ] = None,
    *,
    shelf: LibraryFolder = None,
) -> None:
    """List drugs, diseases, protocols, rules, regimens, parameters or sources; or echo a protocol with its calendar."""
    from cytotrial.cli import listings, show_protocol, show_rules

    library, console = chosen_library(shelf), results()
    match topic:
        case "drugs":
            listings.print_drugs(console, library)
        case "diseases":
            listings.print_diseases(console, library)
        case "protocols":
            listings.print_protocols(console, library)
        case "regimens":
            listings.print_regimens(console, library, drug=name)
        case "rules":
            show_rules.print_rules(console, library, drug=name, profile=item)
        case "parameters":
            listings.print_parameters(console, library, name=name)
        case "sources":
            listings.print_sources(console, library, protocol=name)
        case _:
            show_protocol.print_protocol(console, library, name=topic, topics=TOPICS)
