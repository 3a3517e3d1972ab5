"""The console in a real browser: no error and no violation of the policy, keyboard, search as you type, history, narrow
screens, colours.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.console.kit import Running
from tests.offices import PCAPS

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

PAGES = (
    "/", "/incidents", "/alerts", "/devices", "/recommendations", "/vulnerabilities", "/tickets", "/posture", "/map",
    "/traffic", "/traffic?by=host&host=10.20.10.5", "/map?paths=yes",
    "/hunt?sql=SELECT src_ip, count(*) AS n FROM conn GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
    "/timeline", "/hunt", "/search?q=10.20.10.106", "/health", "/audit", "/mutes", "/account", "/uploads", "/help",
    "/nothing", "/lists?check=203.0.113.66", "/rules", "/rules/new?when=dns.query", "/reports", "/settings?all=1",
)  # fmt: skip
AT = "at=2026-11-24T08:12"
PAST = (
    f"/?{AT}", f"/incidents?{AT}", f"/incidents?{AT}&against=2026-11-24T08:19", f"/alerts?{AT}", f"/devices?{AT}",
    f"/recommendations?{AT}", f"/map?{AT}", f"/map?{AT}&against=2026-11-24T08:19", f"/timeline?{AT}", f"/health?{AT}",
)  # fmt: skip
# Elements that are wider than their containers, and texts of pictures that are cut off or too small to read.
SIDEWAYS = """() => {
  const wider = [...document.querySelectorAll("main .scroll")].filter((one) => one.scrollWidth > one.clientWidth)
    .filter((one) => !one.querySelector(".hex, .plain")).map((one) => one.textContent.trim().slice(0, 60));
  const menu = document.querySelector("nav.pages");
  if (innerWidth >= 1000 && menu && (menu.scrollWidth > menu.clientWidth || menu.clientHeight > 60)) wider.push("menu");
  for (const svg of document.querySelectorAll("main svg:is(.map, .bars)")) {
    const frame = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (frame.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.height < 10))
        wider.push(text.textContent);
    }
  }
  return wider;
}"""

# On paper, nothing scrolls: what is wider than its container is lost.
PRINTED_SIDEWAYS = """[...document.querySelectorAll("main .scroll")].filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Page:
    """A page with a session, and everything that its JavaScript console reported."""

    def __init__(
        self, chromium: Any, running: Running, host: str = "127.0.0.1", scope: str = "write", **options: Any
    ) -> None:
        self.context = chromium.new_context(base_url=running.url.replace("127.0.0.1", host), **options)
        self.page = self.context.new_page()
        self.reports: list[str] = []
        self.page.on(
            "console",
            lambda message: self.reports.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.reports.append(str(error)))
        self.page.goto(running.login(scope=scope).replace("127.0.0.1", host))
        self.page.click("button.primary")
        self.page.wait_for_url("**/")

    @property
    def faults(self) -> list[str]:
        """Reported errors, except for intentionally missing pages."""
        return [text for text in self.reports if "404 (Not Found)" not in text]


@pytest.fixture
def open_page(chromium: Any, office: Running) -> Iterator[Any]:
    there: list[Page] = []

    def opened(running: Running = office, **options: Any) -> Page:
        there.append(Page(chromium, running, **options))
        return there[-1]

    yield opened
    for one in there:
        one.context.close()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (1280, "dark"), (1000, "light"), (800, "light"), (360, "light"), (360, "dark")],
)
def test_every_page_fits_and_reports_nothing(open_page: Any, width: int, scheme: str) -> None:
    """Pages have no error, no violation of the policy, nothing wider than the screen, the system's colour scheme. Only
    packets and rows of queries scroll sideways, and the menu on narrow screens.
    """
    there = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    links = []
    for path in (*PAGES, *PAST):
        there.page.goto(path)
        assert there.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert there.page.evaluate(SIDEWAYS) == [], path
        links += there.page.eval_on_selector_all("main a[href]", "all => all.map(one => one.getAttribute('href'))")
    for kind in ("/alerts/alert-", "/devices/dev-", "/incidents/incident-"):
        there.page.goto(next(link for link in links if link.startswith(kind)))
        assert there.page.evaluate("document.documentElement.scrollWidth") <= width, kind
        assert there.page.evaluate(SIDEWAYS) == [], kind
    back = there.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", back)[0]) > 128) == (scheme == "light")
    assert there.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_prints(open_page: Any, scheme: str) -> None:
    """On A4 with margins, without menus and buttons, dark on white in either color scheme; the content is all there."""
    there = open_page(viewport={"width": 700, "height": 1030}, color_scheme=scheme)
    page = there.page
    for path in PAGES:
        page.emulate_media(media="screen")
        page.goto(path)
        shown = page.locator("main h1").first.inner_text() if page.locator("main h1").count() else ""
        page.emulate_media(media="print")
        for part in ("header.top form", "nav.pages", "footer.bottom", "main button"):
            assert page.locator(f"{part}:visible").count() == 0, (path, part)
        assert page.evaluate("document.documentElement.scrollWidth") <= 700, path
        assert page.evaluate(PRINTED_SIDEWAYS) == [], path
        colors = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        back, text = (int(re.findall(r"\d+", color)[0]) for color in colors)
        assert (back > 240, text < 80) == (True, True), path
        names = "['--notice', '--critical', '--low']"
        style = "getComputedStyle(document.documentElement)"
        used = page.evaluate(f"{names}.map((name) => {style}.getPropertyValue(name))")
        assert used == ["#fff4d6", "#a40e26", "#0a6c74"], path
        assert shown in page.locator("main").inner_text(), path
    assert there.faults == []


def test_times_are_local_with_utc_in_the_title(open_page: Any) -> None:
    """Times are in the browser's time zone, which the page names: in Auckland it is the evening of the same day."""
    there = open_page(timezone_id="Pacific/Auckland")
    there.page.goto("/alerts?detector=command_and_control.malicious_address")
    time = there.page.locator("table time").first
    assert time.inner_text() == "2026-11-24 21:17:01"
    assert time.get_attribute("title") == "2026-11-24 08:17:01.041637 UTC"
    for path in ("/", "/reports"):
        there.page.goto(path)
        assert there.page.locator(".zone:has-text('Pacific/Auckland')").count() == 1


def test_search_as_you_type_is_in_the_url(open_page: Any) -> None:
    """Results are updated while typing; reload, back and forward keep them."""
    there = open_page()
    page = there.page
    page.goto("/devices?sort=ip&order=asc")
    page.keyboard.press("/")
    page.keyboard.type("kyocera")
    page.wait_for_url("**text=kyocera*")
    sync_api.expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    assert "sort=ip" in page.url
    page.reload()
    assert page.locator("[data-rows] tbody tr").count() == 1
    page.locator("[data-rows] tbody a").first.click()
    page.wait_for_url("**/devices/dev-*")
    page.go_back()
    page.wait_for_url("**text=kyocera*")
    assert page.locator("#text").input_value() == "kyocera"
    assert there.faults == []


def test_the_slider_sets_the_time_in_the_url(open_page: Any) -> None:
    """The slider works by keyboard; back returns to the present, forward to that time."""
    there = open_page()
    page = there.page
    page.goto("/incidents?severity=low")
    page.locator("details.when summary").click()
    page.locator("#slider").focus()
    page.keyboard.press("Home")
    page.wait_for_url("**at=2026-11-24T08*")
    assert "severity=low" in page.url
    assert page.locator("#at").input_value().startswith("2026-11-24T08:0")
    assert page.locator("#slider").input_value() == "0"
    page.go_back()
    page.wait_for_url("**severity=low")
    page.go_forward()
    page.wait_for_url("**at=2026-11-24T08*")
    page.click("text=Back to the present")
    page.wait_for_url("**severity=low")
    assert page.locator("[data-rows] tbody tr").count() == 3
    assert there.faults == []


def test_an_alert_is_closed_and_brought_back_by_keyboard(open_page: Any, start, own) -> None:
    """j selects the second row, e closes it; the notification has an undo button."""
    running = start(own)
    there = open_page(running)
    page = there.page
    page.goto("/alerts?state=open")
    title = page.locator("[data-rows] tbody tr").nth(1).locator("a").inner_text()
    for key in "jje":
        page.keyboard.press(key)
    page.wait_for_url("**done=*")
    assert "1 alert closed" in page.locator(".done").inner_text()
    assert title not in page.locator("[data-rows]").inner_text()
    page.locator(".done button").click()
    page.wait_for_url("**/alerts?state=open")
    assert page.locator("[data-rows] tbody tr").count() == 7
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/alert-*")
    page.keyboard.press("a")
    page.wait_for_url("**done=*")
    assert "acknowledged" in page.locator("main").inner_text()
    assert there.faults == []


def test_an_alert_is_muted_by_keyboard(open_page: Any) -> None:
    """m opens the mute of the row, and that of the page of an alert; the dataset stays."""
    there = open_page()
    page = there.page
    for url, keys in (("/alerts?data=office", "jm"), ("/devices?data=office", "jm")):
        page.goto(url)
        for key in keys:
            page.keyboard.press(key)
        if url.startswith("/alerts"):
            page.wait_for_url("**/alerts/alert-*/mute?data=office")
    assert page.url.endswith("/devices?data=office")
    page.goto("/alerts?data=office")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/alert-*")
    page.keyboard.press("m")
    page.wait_for_url("**/alerts/alert-*/mute?data=office")
    assert there.faults == []


def test_the_activity_of_a_device_is_loaded_when_it_is_opened(open_page: Any) -> None:
    """Traffic, timeline and vulnerabilities of the device, on its page."""
    pytest.importorskip("duckdb", reason="needs the extra hunt")
    there = open_page()
    page = there.page
    page.goto("/devices?text=tp-lab")
    page.locator("[data-rows] tbody a").first.click()
    page.wait_for_url("**/devices/dev-*")
    parts = page.locator("details[data-load]")
    for number, text in ((0, "fs01"), (1, "scanned 25 TCP ports"), (2, "CVE")):
        parts.nth(number).locator("summary").first.click()
        sync_api.expect(parts.nth(number)).to_contain_text(text)
    assert page.locator("#results, .facets").count() == 0
    assert there.faults == []


def test_the_list_of_keys_opens_and_closes(open_page: Any) -> None:
    there = open_page()
    there.page.keyboard.press("?")
    assert there.page.locator("#keys").is_visible()
    there.page.keyboard.press("Escape")
    assert not there.page.locator("#keys").is_visible()


def test_what_is_new_comes_by_itself(open_page: Any, start, own) -> None:
    """A comment written by another client appears on the open page; selected rows stay selected."""
    running = start(own)
    page = open_page(running).page
    page.goto("/alerts")
    command = [
        sys.executable,
        "-m",
        "sensor",
        "alerts",
        "close",
        "--detector",
        "discovery.port_scan",
        "--state",
        str(own),
    ]
    with page.expect_response(lambda answer: "/alerts" in answer.url and answer.status == 200, timeout=30_000):
        subprocess.run(command, check=True, capture_output=True)
    sync_api.expect(page.locator("tr.gone")).to_have_count(1)
    page.locator("input[name=alert]").first.check()
    command[command.index("discovery.port_scan")] = "discovery.address_scan"
    subprocess.run(command, check=True, capture_output=True)
    sync_api.expect(page.locator("#live")).to_contain_text("reload", timeout=30_000)
    assert page.locator("input[name=alert]").first.is_checked()


def test_everything_works_without_script(chromium: Any, start, own) -> None:
    """Filters, paging, an action and its undo work without JavaScript."""
    running = start(own)
    there = Page(chromium, running, java_script_enabled=False)
    page = there.page
    page.goto("/alerts?limit=3")
    page.locator("a[rel=next]").click()
    assert page.locator("[data-rows] tbody tr").count() == 3
    page.locator("#text").fill("tp-lab")
    page.locator("main form.filter button").first.click()
    assert "text=tp-lab" in page.url
    page.locator("input[name=alert]").first.check()
    page.locator("#reason").fill("lab day")
    page.locator("button[value=acknowledge]").click()
    assert "1 alert acknowledged" in page.locator(".done").inner_text()
    page.locator(".done button").click()
    assert "text=tp-lab" in page.url
    page.locator("[data-rows] tbody a").first.click()
    assert "undone" in page.locator("main").inner_text()
    there.context.close()


def test_a_capture_is_uploaded_in_the_page(open_page: Any, start, own) -> None:
    """A capture is selected, sent in parts, and analyzed; the page links to its dataset."""
    there = open_page(start(own))
    page = there.page
    page.goto("/uploads")
    page.locator("#capture").set_input_files(
        {"name": "floor.pcapng", "mimeType": "", "buffer": (PCAPS / "office.pcapng").read_bytes()}
    )
    page.locator("#upload button").click()
    link = page.locator("td.first a")
    sync_api.expect(link).to_have_text("floor", timeout=120_000)
    link.click()
    page.wait_for_url("**/?data=floor")
    assert "open incidents" in page.locator("main").inner_text()
    page.goto("/uploads")
    page.locator("#capture").set_input_files({"name": "x.txt", "mimeType": "text/plain", "buffer": b"no capture"})
    page.locator("#upload button").click()
    sync_api.expect(page.locator("#results")).to_contain_text("x.txt is not a capture: text")
    assert there.faults == []


def test_the_policy_blocks_inline_code_and_markup_from_strings(open_page: Any) -> None:
    """No inline script, style or handler runs, no string becomes markup (Trusted Types), no policy can be created."""
    there = open_page()
    there.page.goto("/alerts")
    blocked = there.page.evaluate(
        """() => {
          const failed = (work) => { try { work(); } catch (error) { return error instanceof TypeError; } };
          const script = document.createElement("script"), style = document.createElement("style");
          const image = document.createElement("img");
          document.body.append(style);
          style.append("main { display: none }");
          return [
            failed(() => { document.body.innerHTML = "<b>x</b>"; }),
            failed(() => { script.textContent = "window.ran = 1"; document.body.append(script); }),
            failed(() => { image.setAttribute("onerror", "window.ran = 1"); }),
            failed(() => { new DOMParser().parseFromString("<b>x</b>", "text/html"); }),
            failed(() => { trustedTypes.createPolicy("mine", {}); }),
            getComputedStyle(document.querySelector("main")).display !== "none",
            window.ran === undefined,
          ];
        }"""
    )
    assert blocked == [True] * 7
    assert there.reports, "the policy reports them"
