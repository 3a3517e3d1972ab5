"""Help without internet: every page links its section, and every command there is explained by the program itself."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sensor.console.child import Ended
from sensor.console.pages import help_texts
from sensor.console.render import NAV
from tests.console.kit import output_of

OTHERS = ("/search?q=camera", "/audit", "/account", "/uploads", "/settings", "/nothing")


def test_every_page_links_its_section(browser: httpx.Client) -> None:
    sections = set(re.findall(r'<section class="card" id="([a-z]+)"', browser.get("/help").text))
    for path in (*(path for path, _ in NAV), *OTHERS):
        link = re.search(r'<a href="/help#([a-z]+)">Help</a>', browser.get(path).text)
        assert link is not None, path
        assert link[1] in {*sections, "nothing", "audit", "help"}, path
    assert {path.strip("/") or "overview" for path, _ in NAV} <= sections


def test_commands_are_explained_by_their_own_help(browser: httpx.Client) -> None:
    """Each linked command exists; the text is that of the program."""
    names = set(re.findall(r'href="/help/([a-z]+)"', browser.get("/help").text))
    assert len(names) > 20
    assert "usage: sensor mute" in browser.get("/help/mute").text
    text = browser.get("/help/exit-codes").text
    for line in output_of("help", "exit-codes").splitlines():
        assert line.split()[0] in text
    listed = output_of("help").split()
    assert names - {"errors"} <= set(listed)


def test_an_unknown_topic_is_an_error(browser: httpx.Client) -> None:
    for topic in ("alertz", "--version", "..%2f..%2fetc", "a" * 300, "<script>"):
        answer = browser.get(f"/help/{topic}")
        assert answer.status_code in (400, 404), topic
        assert "<script>" not in answer.text


def test_few_processes_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight topics are requested at once."""
    running, most = list[str](), list[int]()

    def run(arguments: list[str], *_: object, **__: object) -> Ended:
        running.append(arguments[1])
        most.append(len(running))
        time.sleep(0.05)
        running.remove(arguments[1])
        return Ended("", b"text", 0)

    monkeypatch.setattr(help_texts, "run", run)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: help_texts._text(tmp_path, f"topic{number}"), range(8))) == ["text"] * 8
    assert max(most) == 2


def test_help_works_without_data(start, tmp_path: Path) -> None:
    running = start(tmp_path)
    with running.client() as client:
        assert client.get("/help").status_code == 200
    assert httpx.get(f"{running.url}/help").status_code in (303, 401)
