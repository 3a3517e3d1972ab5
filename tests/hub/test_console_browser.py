"""The console of a hub in a real browser: from all sites to one closed alert; narrow and dark screens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sensor.hub.campaigns import refresh_campaigns
from sensor.hub.releases import add_release
from sensor.hub.rollouts import answer, begin
from sensor.hub.scheduled_hunts import Schedule, add_schedule
from sensor.outputs.hub_protocol.messages import UpgradeReport
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.upgrades.packages import Dpkg
from tests.console.kit import Running
from tests.hub.hub_kit import PARIS, HubServers, hub_file
from tests.hub.test_console import ALERTS
from tests.upgrades.machine import built, needs_dpkg

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def console(filled: HubServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("console")
    running = Running(folder, "--hub", str(hub_file(filled, folder)))
    filled.limit(anna=["*"])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, console: Running) -> Iterator[Any]:
    """A logged-in page, which fails the test if the browser reported an error."""
    context = chromium.new_context(base_url=console.url)
    page = context.new_page()
    reports: list[str] = []
    page.on("console", lambda message: reports.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    page.goto(console.login())
    page.click("button.primary")
    page.wait_for_url("**/")
    yield page
    context.close()
    assert reports == []


def test_from_all_sites_to_a_closed_alert(page: Any) -> None:
    """Select a site, search, open the alert, close it as benign, undo: the URL contains the site all the time."""
    expect = sync_api.expect
    expect(page.locator("table tbody tr td.first").first).to_be_visible()
    page.select_option("#dataset", PARIS)
    page.wait_for_url(f"**/?data={PARIS}")
    page.click("nav.pages >> text=Alerts")
    rows = page.locator("[data-rows] tbody tr")
    expect(rows).to_have_count(ALERTS)
    page.keyboard.press("/")
    page.keyboard.type("threat list")
    page.wait_for_url("**text=threat*")
    expect(rows).to_have_count(1)
    page.locator("[data-rows] tbody a").first.click()
    page.wait_for_url(f"**/alerts/*.alert-*data={PARIS}")
    assert f"{PARIS}/paris-1" in page.inner_text("main")
    page.select_option("#verdict", "benign")
    page.click("button[value=close]")
    page.wait_for_url("**done=*")
    expect(page.locator("main dl.facts dd").filter(has_text="closed")).to_have_count(1)
    page.click(".notice.done button")
    page.wait_for_url("**/alerts/*.alert-*")
    expect(page.locator("main dl.facts dd").filter(has_text="closed")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_pages_fit_the_screen(page: Any, width: int, scheme: str) -> None:
    """Neither lists nor single objects are wider than the screen."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for path in ("/", "/sensors", "/devices", "/alerts", "/incidents", "/search?q=10.20.10.62"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto("/devices?type=camera")
    page.goto(page.locator("[data-rows] tbody a").first.get_attribute("href"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_coverage_and_findings_of_hunts(page: Any, servers: HubServers) -> None:
    """Limits in the last figures of a sensor; a scheduled hunt with rows on the overview."""
    expect, now = sync_api.expect, datetime.now(UTC)
    with servers.base() as base:
        base.execute("UPDATE events SET ts = %s WHERE kind = 'sensor' AND action = 'summary'", [now])
        base.execute(
            'UPDATE events e SET record = replace(record, \'"truncated":0\', \'"one_way":1234,"truncated":7\') '
            "FROM sensors s WHERE s.number = e.sensor AND s.name = 'paris-1' AND e.action = 'summary'"
        )
        add_schedule(base, Schedule("telnet", "SELECT 1", timedelta(days=1), None, 3, "anna"), now)
        base.execute(
            "INSERT INTO hunt_findings SELECT 'telnet', key, 'x', '{}', %(now)s, %(now)s FROM sensors", {"now": now}
        )
        refresh_campaigns(base, now)
    page.goto("/sensors")
    rows = page.locator("[data-rows] tbody tr")
    expect(rows.filter(has_text="paris-1").locator("[data-name=Coverage]")).to_contain_text(
        "1,234 one-way connections, 7 truncated frames"
    )
    expect(rows.filter(has_text="office-1").locator("[data-name=Coverage]")).to_contain_text("no gaps reported")
    page.goto("/")
    expect(page.locator("main tr").filter(has_text="telnet").locator("[data-name=Alerts]")).to_have_text("2 rows")


@needs_dpkg
def test_a_rollout_on_the_fleet_page(page: Any, servers: HubServers, tmp_path: Path) -> None:
    """Ring, state and fault of each sensor; why the rollout stopped. Nothing overflows a narrow screen."""
    now = datetime.now(UTC)
    with servers.base() as base:
        for version in ("1.0", "1.1"):
            add_release(base, KeyPair.generate(OPERATOR), built(tmp_path, version), "anna", now)
        [(first,)] = base.execute("SELECT key FROM sensors WHERE name = 'office-1'").fetchall()
        architecture, signed = Dpkg().architecture(), int(now.timestamp())
        answer(base, first, UpgradeReport("1.0", architecture), now)
        begin(base, "1.1", None, "anna", now)
        answer(base, first, UpgradeReport("1.0", architecture, "rolled_back", "1.1", signed, reason="<b>fault"), now)
    page.goto("/sensors")
    expect = sync_api.expect
    row = page.locator("[data-rows] tbody tr").filter(has_text="office-1")
    expect(row.locator("[data-name=Ring]")).to_have_text("1")
    expect(row.locator("[data-name=Upgrade]")).to_have_text("rolled back")
    expect(row.locator(".fault").filter(has_text="<b>fault")).to_have_count(1)
    expect(page.locator("main p.total").filter(has_text="stopped (office-1: <b>fault)")).to_have_count(1)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
