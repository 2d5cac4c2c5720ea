"""Draws a figure of a run with matplotlib, for print: the data and colours of the screen. It knows no figure by name."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cytotrial.errors import Place, Problem, RunFolderError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as PrintedFigure

SUFFIXES = ("svg", "pdf", "png")
PIXELS_PER_INCH = 96.0
WIDTH_PIXELS = 960.0
TOP_PIXELS, RIGHT_PIXELS, BOTTOM_PIXELS, LEFT_PIXELS = 96.0, 24.0, 72.0, 78.0  # room for title, legend and axis titles
SCALE_PIXELS = 92.0  # at the right, where a scale of colours stands
LETTER_PIXELS = 6.6  # the mean width of a letter beside an axis, for the room that names of categories need
ENTRY_PIXELS = 48.0  # of the sign and the gap beside a name of the legend
POINTS_PER_PIXEL = 0.75
SYMBOLS: Mapping[str, str] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "cross": "P",
    "x": "X",
    "triangle-up": "^",
    "triangle-right": ">",
    "line-ns": "|",
    "star": "*",
}
_RGBA = re.compile(r"rgba?\(([^)]*)\)")
_TAG = re.compile(r"</?[a-z]+>")


def to_matplotlib(figure: Mapping[str, Any]) -> PrintedFigure:
    """The figure, given as Plotly-shaped data and layout, as one of matplotlib. No window is opened and no state is kept.

    Raises:
        RunFolderError: matplotlib is not installed.
    """
    _need_matplotlib()
    from matplotlib.figure import Figure as PrintedFigure

    layout = figure["layout"]
    height = float(layout.get("height", 430))
    printed = PrintedFigure(figsize=(WIDTH_PIXELS / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH)
    traces = [trace for trace in figure["data"] if _drawable(trace)]
    panels: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for trace in traces:
        panels.setdefault((trace.get("xaxis", "x"), trace.get("yaxis", "y")), []).append(trace)
    left = _left_margin(layout, traces)
    has_scale = any(trace.get("type") == "heatmap" and trace.get("showscale", True) for trace in traces)
    right = SCALE_PIXELS if has_scale else RIGHT_PIXELS
    handles: dict[str, Any] = {}
    scaled: set[str] = set()  # vertical axes that have their names already: panels side by side share one
    for (x, y), mine in panels.items():
        axes = printed.add_axes(_place(layout, x, y, height, left, right), facecolor="none")
        handles |= {name: handle for name, handle in _draw(axes, mine, layout, x, y).items() if name not in handles}
        if y in scaled:
            axes.tick_params(axis="y", labelleft=False)
            axes.set_ylabel("")
        scaled.add(y)
    top = 1 - 8 / height
    printed.suptitle(_plain(layout["title"]["text"]), x=left / WIDTH_PIXELS, y=top, ha="left", va="top", fontsize=12)
    if handles:
        place = (left / WIDTH_PIXELS, 1 - 30 / height)
        printed.legend(
            handles.values(),
            handles.keys(),
            loc="upper left",
            bbox_to_anchor=place,
            ncols=_columns(handles, left),
            frameon=False,
            fontsize=9,
        )
    return printed


def save(figure: Mapping[str, Any], path: Path) -> Path:
    """Writes the figure; the suffix of the path says how: svg, pdf or png. The same figure gives the same bytes.

    Raises:
        RunFolderError: another suffix, matplotlib is not installed, or the file cannot be written.
    """
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in SUFFIXES:
        raise RunFolderError(
            [Problem(Place(str(path)), f"no figure is written as '{suffix}'.", did_you_mean(suffix, SUFFIXES))]
        )
    printed = to_matplotlib(figure)
    import matplotlib as mpl

    # No date, no random id: a figure that did not change is no change of a file.
    undated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    with mpl.rc_context({"svg.hashsalt": "cytotrial", "svg.fonttype": "none", "pdf.fonttype": 42}):
        try:
            printed.savefig(path, format=suffix, metadata=undated[suffix])
        except OSError as failure:
            raise RunFolderError([Problem(Place(str(path)), f"cannot be written: {failure.strerror}.")]) from None
    return path


def can_print() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def _need_matplotlib() -> None:
    if not can_print():
        advice = "Install it with `pip install 'cytotrial[print]'`; the report needs nothing."
        raise RunFolderError([Problem(Place(path="figures"), "figures for print need matplotlib.", advice)])


def _drawable(trace: Mapping[str, Any]) -> bool:
    return trace.get("type") == "heatmap" or len(trace.get("x", ())) > 0


def _axis(layout: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The layout of axis 'x2' or 'y'."""
    found: Mapping[str, Any] = layout.get(f"{name[0]}axis{name[1:]}", {})
    return found


def _left_margin(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> float:
    """Room [px] for what stands beside the vertical axis."""
    names = [str(text) for text in layout.get("yaxis", {}).get("ticktext", ())]
    names += [value for trace in traces for value in trace.get("y", ()) if isinstance(value, str)]
    longest = max((len(line) for name in names for line in _plain(name).split("\n")), default=0)
    return min(max(LEFT_PIXELS, 24 + LETTER_PIXELS * longest), WIDTH_PIXELS / 2)


def _place(
    layout: Mapping[str, Any], x: str, y: str, height: float, left: float, right: float
) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a panel as shares of the figure."""
    across, up = (_axis(layout, name).get("domain", (0.0, 1.0)) for name in (x, y))
    inner_width, inner_height = WIDTH_PIXELS - left - right, height - TOP_PIXELS - BOTTOM_PIXELS
    return (
        (left + across[0] * inner_width) / WIDTH_PIXELS,
        (BOTTOM_PIXELS + up[0] * inner_height) / height,
        (across[1] - across[0]) * inner_width / WIDTH_PIXELS,
        (up[1] - up[0]) * inner_height / height,
    )


def _draw(axes: Axes, traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], x: str, y: str) -> dict[str, Any]:
    """Draws the traces of one panel; returns what the legend names."""
    categories = {name: _categories(traces, name) for name in ("x", "y")}
    ends: dict[Any, float] = {}
    before: tuple[list[float], list[float]] | None = None
    handles = {}
    for trace in traces:
        across, up = (_numbers(trace.get(name, ()), categories[name]) for name in ("x", "y"))
        if trace.get("type") == "bar":
            handle = _bars(axes, trace, across, up, ends if layout.get("barmode") == "stack" else None, layout)
        elif trace.get("type") == "heatmap":
            handle = None
            _heatmap(axes, trace, across, up)
        else:
            handle = _scatter(axes, trace, across, up, before)
            before = (across, up)
        if handle is not None and trace.get("name") and trace.get("showlegend", True):
            handles[_plain(str(trace["name"]))] = handle
    for name, side in (("x", x), ("y", y)):
        _finish(axes, _axis(layout, side), name, categories[name])
    if _is_bare(_axis(layout, y)):
        axes.xaxis.set_visible(False)
        for spine in axes.spines.values():
            spine.set_visible(False)
    for shape in layout.get("shapes", ()):
        if shape.get("xref", "x") == x and shape.get("x0") == shape.get("x1"):
            axes.axvline(shape["x0"], color=shape["line"]["color"], linewidth=shape["line"]["width"])
        elif shape.get("yref", "y") == y and shape.get("y0") == shape.get("y1"):
            axes.axhline(shape["y0"], color=shape["line"]["color"], linewidth=shape["line"]["width"])
    return handles


def _columns(names: Collection[str], left: float) -> int:
    """How many entries of the legend stand beside each other: up to five, as many as the longest leaves room for."""
    widest = LETTER_PIXELS * max(map(len, names)) + ENTRY_PIXELS
    return max(1, min(5, int((WIDTH_PIXELS - left) // widest)))


def _is_bare(axis: Mapping[str, Any]) -> bool:
    """Whether it is the table of numbers under a curve rather than a panel with scales of its own."""
    return axis.get("type") == "category" and axis.get("ticks") == "" and "domain" in axis


def _categories(traces: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    """The names along an axis in order of appearance; empty where it is of numbers."""
    found: dict[str, int] = {}
    for trace in traces:
        for value in trace.get(name, ()):
            if isinstance(value, str):
                found.setdefault(value, len(found))
    return found


def _numbers(values: Sequence[Any], categories: Mapping[str, int]) -> list[float]:
    return [
        math.nan if value is None else float(categories.get(value, 0) if isinstance(value, str) else value) for value in values
    ]


def _bars(
    axes: Axes,
    trace: Mapping[str, Any],
    across: list[float],
    up: list[float],
    ends: dict[Any, float] | None,
    layout: Mapping[str, Any],
) -> Any:
    is_lying = trace.get("orientation") == "h"
    places, sizes = (up, across) if is_lying else (across, up)
    starts = [float(value) for value in trace.get("base", ())] or [0.0] * len(sizes)
    if ends is not None:
        starts = [ends.get(place, 0.0) for place in places]
        ends |= {place: start + size for place, start, size in zip(places, starts, sizes, strict=True)}
    colour = _colour(trace.get("marker", {}).get("color", "#888888"))
    thickness = 1 - float(layout.get("bargap", 0.2))
    draw = axes.barh if is_lying else axes.bar
    return draw(places, sizes, thickness, starts, color=colour, linewidth=0)


def _heatmap(axes: Axes, trace: Mapping[str, Any], across: list[float], up: list[float]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    if not (across and up):  # a trial without a graded event has nothing to map
        return
    scale = [(float(share), _colour(colour)) for share, colour in trace["colorscale"]]
    rows = [[math.nan if value is None else float(value) for value in row] for row in trace["z"]]
    colours = LinearSegmentedColormap.from_list("figure", scale)
    mesh = axes.pcolormesh(across, up, rows, cmap=colours, vmin=trace.get("zmin"), vmax=trace.get("zmax"), rasterized=True)
    if trace.get("showscale", True) and axes.figure is not None:
        box = axes.get_position()
        place = (box.x1 + 0.2 * SCALE_PIXELS / WIDTH_PIXELS, box.y0, 0.15 * SCALE_PIXELS / WIDTH_PIXELS, box.height)
        bar = axes.figure.colorbar(mesh, cax=axes.figure.add_axes(place))
        bar.set_label(_plain(str(trace.get("colorbar", {}).get("title", {}).get("text", ""))), fontsize=8)
        bar.ax.tick_params(labelsize=8)


def _scatter(
    axes: Axes,
    trace: Mapping[str, Any],
    across: list[float],
    up: list[float],
    before: tuple[list[float], list[float]] | None,
) -> Any:
    """Lines, the band up to the line before, points with their intervals, or words."""
    mode, handle = str(trace.get("mode", "lines")), None
    line, marker = trace.get("line", {}), trace.get("marker", {})
    is_stepped = line.get("shape") == "hv"
    if trace.get("fill") == "tonexty" and before is not None:
        step: Literal["post"] | None = "post" if is_stepped else None
        axes.fill_between(across, before[1], up, color=_colour(trace["fillcolor"]), linewidth=0, step=step)
    if "lines" in mode and float(line.get("width", 2)) > 0:
        width, colour = POINTS_PER_PIXEL * float(line.get("width", 2)), _colour(line.get("color", "#444444"))
        kind: Literal["steps-post", "default"] = "steps-post" if is_stepped else "default"
        (handle,) = axes.plot(across, up, drawstyle=kind, linewidth=width, color=colour)
    if "markers" in mode:
        handle = _points(axes, trace, across, up, marker)
    if "text" in mode:
        colour = _colour(trace.get("textfont", {}).get("color", "#000000"))
        for text, place, height in zip(trace.get("text", ()), across, up, strict=True):
            axes.text(place, height, _plain(str(text)), ha="center", va="center", fontsize=9, color=colour, clip_on=False)
        axes.scatter(across, up, alpha=0)
    return handle


def _points(axes: Axes, trace: Mapping[str, Any], across: list[float], up: list[float], marker: Mapping[str, Any]) -> Any:
    colour = _colour(marker.get("color", "#444444"))
    symbol = str(marker.get("symbol", "circle"))
    sides: dict[str, list[list[float]] | None] = {"x": None, "y": None}
    for name in sides:
        bars = trace.get(f"error_{name}")
        if bars:
            sides[name] = [_numbers(bars[key], {}) for key in ("arrayminus", "array")]
    size = POINTS_PER_PIXEL * float(marker.get("size", 8))
    face = "none" if symbol.endswith("-open") else colour
    return axes.errorbar(
        across,
        up,
        fmt=SYMBOLS.get(symbol.removesuffix("-open"), "o"),
        color=colour,
        markerfacecolor=face,
        markersize=size,
        elinewidth=1.2,
        capsize=3,
        xerr=sides["x"],
        yerr=sides["y"],
    )


def _finish(axes: Axes, axis: Mapping[str, Any], name: str, categories: Mapping[str, int]) -> None:
    """Title, ticks, limits and grid of one axis."""
    from matplotlib.ticker import NullFormatter

    mine = axes.xaxis if name == "x" else axes.yaxis
    set_ticks, set_limits = (axes.set_xticks, axes.set_xlim) if name == "x" else (axes.set_yticks, axes.set_ylim)
    mine.set_label_text(_plain(str(axis.get("title", {}).get("text", ""))), fontsize=10)
    if axis.get("type") == "log":
        (axes.set_xscale if name == "x" else axes.set_yscale)("log")
        mine.set_minor_formatter(NullFormatter())  # what is between the round numbers has none
    if "tickvals" in axis:
        named = axis.get("ticktext", axis["tickvals"])
        set_ticks(axis["tickvals"], [_plain(text if isinstance(text, str) else f"{text:g}") for text in named])
        for label, text in zip(mine.get_ticklabels(), named, strict=False):
            label.set_fontweight("bold" if str(text).startswith("<b>") else "normal")
    elif categories:
        set_ticks(list(categories.values()), [_plain(text) for text in categories])
        set_limits(-0.6, len(categories) - 0.4)
    if axis.get("range"):
        set_limits(*(10**end for end in axis["range"]) if axis.get("type") == "log" else axis["range"])
    elif axis.get("rangemode") == "tozero":
        set_limits(0, None)
    if axis.get("autorange") == "reversed" and not mine.get_inverted():
        (axes.invert_xaxis if name == "x" else axes.invert_yaxis)()
    axes.tick_params(axis="x" if name == "x" else "y", labelsize=9)
    if axis.get("showticklabels") is False:
        axes.tick_params(axis="x" if name == "x" else "y", labelbottom=False, labelleft=False)
    if axis.get("showgrid", True) and not categories:
        mine.grid(visible=True, color=axis.get("gridcolor", "#e5e8ec"), linewidth=0.7)
        axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _colour(text: Any) -> Any:
    """A colour as matplotlib takes it: '#4477AA' as it is, 'rgba(1,2,3,0.5)' as shares."""
    found = _RGBA.match(str(text))
    if found is None:
        return str(text)
    parts = [float(part) for part in found[1].split(",")]
    return (*(part / 255 for part in parts[:3]), *parts[3:])


def _plain(text: str) -> str:
    """A text without the marks of HTML: '<br>' begins a line."""
    return _TAG.sub("", text.replace("<br>", "\n"))
