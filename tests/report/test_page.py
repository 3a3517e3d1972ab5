"""The page: what is shown, and that omitted parts are reported."""

from __future__ import annotations

import re

import pytest

from sensor.report.build import Sources, report_of
from sensor.report.links import PAPER
from sensor.report.model import Change, Report
from sensor.report.page import page
from sensor.report.period import period_spec
from sensor.report.phrases import sentence
from tests.golden import Golden
from tests.report.sites import at, large_site, large_story


@pytest.fixture(scope="module")
def report() -> Report:
    """The report of more devices than PDF lists."""
    made = large_site(600)
    return report_of(Sources(made, large_story(made)), period_spec())


def ids(text: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', text))


def links(text: str) -> set[str]:
    return set(re.findall(r'href="#([^"]+)"', text))


def test_the_page_lists_every_device(report: Report) -> None:
    """Each device is listed once, with its packets."""
    text = page(report)
    assert {f"d-{device.id}" for device in report.devices} <= ids(text)
    assert {name for device in report.devices for name in device.proofs} <= ids(text)
    assert links(text) <= ids(text)


def test_contents_name_the_sections(report: Report) -> None:
    """An entry of the table of contents is the heading of the section to which it leads."""
    text = page(report)
    contents, sections = text.split("<nav")[1].split("</nav>")
    entries = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', contents)
    assert len(entries) > 8
    for anchor, title in entries:
        assert re.search(rf'id="{anchor}"[^>]*>\s*<h2>([^<]+)</h2>', sections)[1] == title


def test_a_truncated_sentence_has_no_full_stop() -> None:
    assert sentence("a camera contacted 203.0.113.66") == "a camera contacted 203.0.113.66."
    assert sentence(" ".join(["scanned"] * 40)).endswith("scanned …")


def test_paper_lists_products_instead_and_reports_so(golden: Golden, report: Report) -> None:
    """No link leads to a missing place, and each proof that is named exists."""
    text = page(report, PAPER)
    golden(text, "are 600")
    assert not [name for name in ids(text) if name.startswith("d-")]
    assert links(text) <= ids(text)
    assert {name for name in links(text) if re.fullmatch(r"p\d+", name)} == {
        name for name in ids(text) if re.fullmatch(r"p\d+", name)
    }
    rows = re.compile(
        r'<td class="number">(\d+)</td><td class="number">\d+</td><td class="number">\d+</td><td><span class="band'
    )
    types, products = text[text.index('<section id="inventory">') :].split("too many to list")
    assert sum(map(int, rows.findall(types))) == 600
    assert 0 < sum(map(int, rows.findall(products))) < 600


def test_what_has_no_room_is_counted(report: Report) -> None:
    """PDF reports the number of omitted findings."""
    text = page(report, PAPER)
    left = len(report.findings) - PAPER.findings
    assert left > 0
    assert f" {left} more findings" in text
    assert "more findings" not in page(report)


def test_incidents_that_a_user_closed_are_no_work(report: Report) -> None:
    """Alerts without a verdict are listed first on the first page; closed ones are not listed."""
    front = page(report).split("<nav")[0]
    assert front.count("Investigate: ") == 2
    for alert in report.alerts:
        alert.closed = "jane: our scanner"
    handled = page(report).split("<nav")[0]
    for alert in report.alerts:
        alert.closed = ""
    assert handled.count("Investigate: ") == 0


def test_pages_in_the_dark_and_on_paper_differ_in_style_alone(report: Report) -> None:
    """Only HTML has a dark mode."""
    assert "prefers-color-scheme" in page(report)
    assert "prefers-color-scheme" not in page(report, PAPER)
    assert "@page" in page(report, PAPER)


def test_who_came_back_is_a_number_and_no_line(report: Report) -> None:
    """Other changes are one line each, and all changes are counted by kind."""
    changed = report.changes
    report.changes = [*changed, *(Change(ts=at(60), kind="back", device="dev-1", text="it is back") for _ in range(7))]
    text = page(report)
    report.changes = changed
    reported = text[text.index('<section id="changes">') : text.index('<section id="work">')]
    assert re.search(rf"<p>{len(changed)} [^<]*, 7 back[^<]*</p>", reported)
    assert reported.count("<tr><td") == len(changed)
    assert "it is back" not in reported
