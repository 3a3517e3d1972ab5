"""The report on paper, as a browser prints it by default: without backgrounds, and with nothing beyond its cell."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.report.build import Sources, report_of
from sensor.report.page import page
from sensor.report.period import period_spec
from tests.report.sites import large_site, large_story

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

# Width in px of A4 (ISO 216) without the margins of the report.
PAPER = 680
# Cells with contents beyond their left or right side.
CUT_OFF = """() => [...document.querySelectorAll("th, td")].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const inside = range.getBoundingClientRect(), outside = cell.getBoundingClientRect();
  return inside.width && (inside.left < outside.left - 1 || inside.right > outside.right + 1);
}).map((cell) => cell.textContent.trim().slice(0, 40))"""
STYLES = """(selector) => [...document.querySelectorAll(selector)].map((one) => {
  const style = getComputedStyle(one);
  return [style.printColorAdjust, style.breakInside, style.display].join(" ");
})"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page in a browser, with the styles of paper."""
    made, path = large_site(60), tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(report_of(Sources(made, large_story(made)), period_spec())), encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": PAPER, "height": 1000})
        shown.emulate_media(media="print")
        shown.goto(path.as_uri())
        yield shown
        browser.close()


def test_nothing_is_cut_off(printed: Any) -> None:
    assert printed.evaluate("document.documentElement.scrollWidth") == PAPER
    assert printed.evaluate("document.querySelectorAll('td').length") > 100
    assert printed.evaluate(CUT_OFF) == []


def test_badges_keep_their_backgrounds(printed: Any) -> None:
    """Otherwise white text would be printed on white."""
    styles = printed.evaluate(STYLES, ".severity, .band")
    assert len(styles) > 10
    assert {style.split()[0] for style in styles} == {"exact"}


def test_rows_stay_whole_and_headings_are_repeated(printed: Any) -> None:
    rows, heads = printed.evaluate(STYLES, "tr"), printed.evaluate(STYLES, "thead")
    assert {style.split()[1] for style in rows} == {"avoid"}
    assert {style.split()[2] for style in heads} == {"table-header-group"}


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_every_page_of_a_table_has_its_heading(printed: Any, tmp_path: Path) -> None:
    """Device rows continue on the next page below the heading of their table."""
    path = tmp_path / "report.pdf"
    printed.pdf(path=str(path), prefer_css_page_size=True)
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    sides = [side for side in text.split("\f") if len(re.findall(r"^ *10\.\d+\.\d+\.\d+ ", side, re.MULTILINE)) > 12]
    assert len(sides) >= 2
    assert all("product and" in side for side in sides)
