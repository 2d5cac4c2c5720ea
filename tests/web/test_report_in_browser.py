"""The report as a reader opens it: from disk, in Chromium, without a network. Skipped where there is no browser."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cytotrial.report import write_report
from cytotrial.results import load

pytestmark = pytest.mark.browser
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
RUN = Path(__file__).resolve().parents[1] / "data" / "run_0_1"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, list[str]]]:
    """The page, and what the browser complained of or asked the network for."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the dependency group 'e2e' is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    path = write_report(load(RUN), tmp_path_factory.mktemp("report") / "report.html")
    complaints: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True, viewport={"width": 1200, "height": 900}).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else complaints.append(request.url),
        )
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.plot .main-svg').length >= document.querySelectorAll('.plot').length"
        )
        yield page, complaints
        browser.close()


def test_the_report_opens_without_error_and_asks_for_nothing(opened: tuple[Any, list[str]]) -> None:
    assert opened[1] == []


def test_every_figure_is_drawn_and_named(opened: tuple[Any, list[str]]) -> None:
    page = opened[0]
    figures = page.evaluate(
        "[...document.querySelectorAll('.plot')].map(p => [p.id, p.getAttribute('aria-label'),"
        " p.querySelectorAll('.main-svg').length, p.parentElement.querySelector('figcaption').textContent.trim().length])"
    )
    assert len(figures) > 5
    for name, label, drawings, words in figures:
        assert label, name
        assert drawings, name
        assert words > 10, name


def test_the_page_has_a_language_one_title_and_headings_in_order(opened: tuple[Any, list[str]]) -> None:
    page = opened[0]
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(next_ <= level + 1 for level, next_ in itertools.pairwise(levels))


def test_every_table_has_headers_and_can_be_scrolled_by_keyboard(opened: tuple[Any, list[str]]) -> None:
    page = opened[0]
    assert page.evaluate("[...document.querySelectorAll('table')].filter(t => !t.querySelector('th')).length") == 0
    assert page.evaluate("[...document.querySelectorAll('.scroll')].filter(s => s.tabIndex !== 0).length") == 0


def test_text_stands_out_from_its_background(opened: tuple[Any, list[str]]) -> None:
    # WCAG AA: a contrast of at least 4.5 for all small text of the page, against the nearest background that is painted.
    found = opened[0].evaluate(
        """() => {
        const light = c => { const v = c.match(/[\\d.]+/g).map(Number).slice(0, 3).map(x => { x /= 255;
            return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
            return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]; };
        const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };
        return [...document.querySelectorAll('p, td, th, dt, dd, summary, figcaption, h1, h2, h3, .notice')].map(e => {
            const pair = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a);
            return (pair[0] + 0.05) / (pair[1] + 0.05); }).reduce((a, b) => Math.min(a, b)); }"""
    )
    assert found >= 4.5


def test_axe_finds_no_serious_barrier(opened: tuple[Any, list[str]]) -> None:
    # axe-core comes with the group 'e2e' and is used here alone; nothing of it is in the report.
    package = pytest.importorskip("axe_playwright_python", reason="the dependency group 'e2e' is not installed")
    page = opened[0]
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.evaluate((Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    barriers = [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {[node['target'] for node in rule['nodes'][:3]]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
    ]
    assert barriers == []
    assert len(found["passes"]) > 10


def test_nothing_is_wider_than_a_narrow_screen(opened: tuple[Any, list[str]]) -> None:
    page = opened[0]
    page.set_viewport_size({"width": 420, "height": 900})
    # Figures are laid out again when the window changes; on a busy machine that takes its time.
    for _ in range(100):
        if page.evaluate("document.documentElement.scrollWidth") <= 420:
            break
        page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.set_viewport_size({"width": 1200, "height": 900})


def test_printing_opens_what_is_folded(opened: tuple[Any, list[str]]) -> None:
    page = opened[0]
    assert len(page.pdf(format="A4")) > 10_000
    assert page.evaluate("[...document.querySelectorAll('details')].every(part => part.open)")
