"""Figures for print and for notebooks: the same data as on the screen, drawn by matplotlib."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.errors import RunFolderError
from cytotrial.results import Result, printed
from cytotrial.results.export import export_figures
from cytotrial.results.shown import PLOTLY_TYPE

pytest.importorskip("matplotlib", reason="the extra 'print' is not installed")


def test_a_curve_is_drawn_through_the_same_points(result: Result) -> None:
    figure = result.plot("survival")
    curves = [trace for trace in figure["data"] if trace.get("name") and trace["mode"] == "lines"]
    lines = [line for axes in figure.to_matplotlib().axes for line in axes.get_lines()]
    assert [list(line.get_xdata()) for line in lines] == [trace["x"] for trace in curves]
    assert [list(line.get_ydata()) for line in lines] == [trace["y"] for trace in curves]


def test_stacked_bars_reach_the_sum_of_their_shares(result: Result) -> None:
    axes = result.plot("doses").to_matplotlib().axes[0]
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    assert max(tops) == pytest.approx(100)


def test_every_figure_can_be_printed_and_says_simulated(result: Result, tmp_path: Path) -> None:
    paths = export_figures(result, "svg", folder=tmp_path / "figures")
    assert [path.stem for path in paths] == result.plots()
    for path in paths:
        assert "SIMULATED" in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("kind", printed.SUFFIXES)
def test_the_same_figure_gives_the_same_bytes(result: Result, tmp_path: Path, kind: str) -> None:
    first, second = (result.plot("waterfall").save(tmp_path / f"{name}.{kind}").read_bytes() for name in ("a", "b"))
    assert first == second


def test_an_unknown_kind_of_file_is_refused(result: Result, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no figure is written as 'sgv'\.\n  Did you mean 'svg'"):
        result.plot("survival").save(tmp_path / "figure.sgv")


def test_figures_are_not_overwritten(result: Result, tmp_path: Path) -> None:
    (tmp_path / "doses.pdf").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"doses\.pdf: this file exists already"):
        export_figures(result, "pdf", folder=tmp_path)


def test_without_matplotlib_the_message_says_what_to_install(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "can_print", lambda: False)
    with pytest.raises(RunFolderError, match=r"pip install 'cytotrial\[print\]'"):
        result.plot("survival").to_matplotlib()


def test_a_notebook_is_offered_plotly_words_and_a_drawing(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = result.plot("survival")
    bundle = figure._repr_mimebundle_()
    assert bundle[PLOTLY_TYPE] == {"data": figure["data"], "layout": figure["layout"]}
    assert bundle["text/plain"].startswith("Overall survival · SIMULATED. High: median")
    assert bundle["image/svg+xml"].lstrip().startswith("<?xml")
    monkeypatch.setattr(printed, "can_print", lambda: False)
    assert set(figure._repr_mimebundle_()) == {PLOTLY_TYPE, "text/plain"}


def test_a_result_shows_itself_as_a_table_with_its_notice(result: Result) -> None:
    text = result._repr_html_()
    assert "SIMULATED" in text
    assert "<td>objective response</td><td>50.0 %</td><td>6.8 % to 93.2 %</td><td>40.0 %</td>" in text


def test_a_map_without_events_is_drawn_empty(result: Result) -> None:
    figures = [result.plot(name) for name in result.plots()]
    (figure,) = [one for one in figures if any(trace.get("type") == "heatmap" for trace in one["data"])]
    for trace in figure["data"]:
        trace |= {"x": [], "y": [], "z": []}
    assert not figure.to_matplotlib().axes[0].collections
