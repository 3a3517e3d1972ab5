"""Takes the pictures of the web console in docs/pictures: the office in a browser, seven pages as WebP.

python -m docs.console_pictures       writes docs/pictures/console_*.webp; needs playwright and Chromium
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT, QUALITY = 1280, 800, 70


class Shot(NamedTuple):
    """``path``: of the page; ``follow``: a link on it that is followed; ``dark``: in the dark colors."""

    name: str
    path: str
    follow: str = ""
    dark: bool = False


SHOTS = (
    Shot("overview", "/"),
    Shot("alerts", "/alerts", dark=True),
    Shot("observation", "/devices?text=hikvision", "td.first a, a[href*='mdns.instance']"),
    Shot("mute", "/alerts?detector=discovery.port_scan", "td.first a, a[href$='/mute']"),
    Shot("difference", "/devices?at=2026-11-24T08:05&against=2026-11-24T08:19"),
    Shot("map", "/map", dark=True),
    Shot("traffic", "/traffic"),
)


def main() -> int:
    """The exit code: 1 if there is no browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("needs playwright: pip install playwright", file=sys.stderr)
        return 1
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        state = Path(folder) / "state"
        _sensor("replay", str(ROOT / "pcaps/office.pcapng"), "--intel", str(ROOT / "pcaps/office.intel.txt"),
                "--state", str(state), "--evidence", str(state / "evidence"))  # fmt: skip
        console = subprocess.Popen(
            [sys.executable, "-m", "sensor", "console", "--state", str(state), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            lines = iter(console.stdout or ())
            url, link = next(lines).split()[1], next(lines).rpartition("/")[2].strip()
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _take_all(browser, url, link)
            browser.close()
        finally:
            console.terminate()
            console.wait(20)
    return 0


def _sensor(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "sensor", *words], check=True, stdout=subprocess.DEVNULL)


def _take_all(browser: Any, url: str, link: str) -> None:
    context = browser.new_context(base_url=url, viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC")
    page = context.new_page()
    page.goto(f"/login/{link}")
    page.click("button.primary")
    session = context.new_cdp_session(page)
    for shot in SHOTS:
        page.emulate_media(color_scheme="dark" if shot.dark else "light")
        page.goto(shot.path)
        for step in filter(None, shot.follow.split(", ")):
            page.goto(str(page.locator(step).first.get_attribute("href")))
        taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (FOLDER / f"console_{shot.name}.webp").write_bytes(base64.b64decode(taken["data"]))


if __name__ == "__main__":
    sys.exit(main())
