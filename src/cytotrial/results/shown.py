"""How a figure and a result show themselves in a notebook. It draws nothing of its own and needs no plotting package."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytotrial.results import printed
from cytotrial.results.tables import records

if TYPE_CHECKING:
    from matplotlib.figure import Figure as PrintedFigure

    from cytotrial.results.result import Result

PLOTLY_TYPE = "application/vnd.plotly.v1+json"
HEADLINE = (
    *("objective response", "complete response"),
    *("relapse-free survival, median", "progression-free survival, median", "overall survival, median"),
)


class ShownFigure(dict[str, Any]):
    """A figure as Plotly JSON (`data`, `layout`): a plain dict that a notebook can show and matplotlib can print."""

    def to_matplotlib(self) -> PrintedFigure:
        """The figure as one of matplotlib, for print. Raises RunFolderError where matplotlib is not installed."""
        return printed.to_matplotlib(self)

    def save(self, path: Path | str) -> Path:
        """Writes the figure as svg, pdf or png, by the suffix of the path; returns the path.

        Raises:
            RunFolderError: another suffix, matplotlib is not installed, or the file cannot be written.
        """
        return printed.save(self, Path(path))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """What a notebook may choose from: Plotly's own type, a drawing where matplotlib is installed, and words."""
        words = ". ".join(self["layout"].get("meta", {}).get("text", ()))
        bundle = {PLOTLY_TYPE: {"data": self["data"], "layout": self["layout"]}, "text/plain": self._title() + words}
        if printed.can_print():
            drawing = io.StringIO()
            self.to_matplotlib().savefig(drawing, format="svg")
            bundle["image/svg+xml"] = drawing.getvalue()
        return bundle

    def _title(self) -> str:
        return f"{self['layout']['title']['text']}. "


def result_html(result: Result) -> str:
    """The answer of a run as a small HTML table, for notebooks: responses and survival by arm with 95 % intervals."""
    efficacy = result.efficacy()
    rows = []
    levels = [level.or_better for criteria in result.context.criteria for level in criteria.levels]
    for row in records(efficacy[efficacy["endpoint"].isin([*HEADLINE, *levels])]):
        is_share = row["unit"] == "1"
        cells = [_number(row[name], is_share=is_share) for name in ("value", "low", "high", "published")]
        unit = "" if is_share else f" [{row['unit']}]"
        texts = (row["arm"], str(row["endpoint"]) + unit, cells[0], f"{cells[1]} to {cells[2]}", cells[3])
        rows.append("<tr>" + "".join(f"<td>{html.escape(str(text))}</td>" for text in texts) + "</tr>")
    title = result.manifest.protocol.get("title", {})
    name = title.get("en", "") if isinstance(title, dict) else ""
    heads = "".join(f"<th>{text}</th>" for text in ("arm", "endpoint", "simulated", "95 % interval", "published"))
    return (
        f"<p><b>{html.escape(name or result.folder.name)}</b><br>{html.escape(result.manifest.notice)}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"<p>Run folder: {html.escape(str(result.folder))}</p>"
    )


def _number(value: float, *, is_share: bool) -> str:
    if value != value:  # noqa: PLR0124 (NaN is not itself)
        return "–" if is_share else "not reached"
    return f"{100 * value:.1f} %" if is_share else f"{value:.1f}"
