"""Every page against the WCAG 2.2 rules, levels A and AA, that axe-core can test: names, contrast, sizes."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from tests.console.test_browser import CHROMIUM, PAGES, PAST, Page, chromium  # noqa: F401 - a fixture

axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, which brings axe-core")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
RUN = "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"


SCORE = (
    '{"day": "2026-11-23", "ts": "2026-11-23T09:00:00Z", "points": 42.5, "devices": {"high": 3}, "weaknesses": {}, '
    '"segments": {}}'
)


def faults_of(page: Any) -> list[str]:
    """Rule, element and reason of each violation."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = page.evaluate(RUN, list(RULES))
    return [
        f"{one['id']}: {node['html'][:120]}: {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_no_page_violates_a_rule(chromium: Any, office: Any, width: int, scheme: str) -> None:  # noqa: F811
    """Lists, details with everything expanded, forms, error pages, and the login page."""
    there = Page(chromium, office, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, faults, links = there.page, dict[str, list[str]](), dict[str, str]()
    (office.state / "posture.jsonl").write_text(f"{SCORE}\n")
    for path in (*PAGES, *PAST, "/hunt?name=scanners", "/posture?at=2026-11-24T08:05"):
        page.goto(path)
        faults[path] = faults_of(page)
        for link in page.eval_on_selector_all("main a[href]", "all => all.map(one => one.getAttribute('href'))"):
            links.setdefault(link.partition("-")[0], link)
    alert = links["/alerts/alert"].partition("?")[0]
    page.goto("/devices?text=hikvision")
    device = str(page.locator("td.first a").first.get_attribute("href"))
    for path in (alert, f"{alert}/mute", f"{alert}/firewall", device, links["/incidents/incident"]):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details:not(.frame + .frame)').forEach(one => { one.open = true; })")
        faults[path] = faults_of(page)
    (office.state / "posture.jsonl").unlink()
    page.goto(device)
    page.goto(str(page.locator("a[href*='/proof']").first.get_attribute("href")))
    faults["proof"] = faults_of(page)
    there.context.clear_cookies()
    page.goto("/")
    faults["login"] = faults_of(page)
    there.context.close()
    assert {path: found for path, found in faults.items() if found} == {}
