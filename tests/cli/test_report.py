"""sensor report: from the office capture and from logs of any kind to one file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sensor.cli.main import main
from tests.cli.conftest import Told

PCAPS = Path(__file__).parents[2] / "pcaps"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small office as a sensor knows it: its inventory, and its log in ``events.jsonl``."""
    folder = tmp_path_factory.mktemp("office")
    log, listed = str(folder / "events.jsonl"), str(PCAPS / "office.intel.txt")
    assert main(["replay", "--state", str(folder), "--events", log, "--intel", listed, str(PCAPS / "office.pcapng")]) == 0
    return folder


@pytest.fixture
def report(tell, office: Path) -> Callable[..., Told]:
    """sensor report on the office."""
    return lambda *words: tell("report", *words, "--state", str(office), "--events", str(office / "events.jsonl"))


class _Page(HTMLParser):
    """What stands in a page: ids, links, tags and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.links.append(value or "")


def test_the_page_needs_nothing_else(report, tmp_path: Path) -> None:
    """It asks nobody for anything, runs nothing, and each link leads to a place that is there once."""
    told = report("-o", str(tmp_path / "office.html"))
    assert (told.code, told.err) == (0, "")
    text = (tmp_path / "office.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert "default-src 'none'" in text
    assert {link for link in page.links if not link.startswith("#")} == set()
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.tags.count("script") == 1
    assert '<script type="application/json"' in text
    assert "url(" not in text


def test_the_same_log_gives_the_same_bytes(report, tmp_path: Path) -> None:
    """Page and JSON; the time of making is that of the site."""
    for name in ("a.html", "b.html", "a.json", "b.json"):
        assert report("-o", str(tmp_path / name)).code == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_every_claim_leads_to_its_packet(report, tmp_path: Path) -> None:
    """An alert to what was said, a finding to the field that gave it away; and what is told is what the sensor knows."""
    assert report("-o", str(tmp_path / "office.json")).code == 0
    told: dict[str, Any] = json.loads((tmp_path / "office.json").read_bytes())
    proofs = {one["id"]: one for one in told["proofs"]}
    open_camera = next(one for one in told["findings"] if one["name"] == "rtsp_open")
    seats = [seat for case in open_camera["cases"] for seat in case["seats"]]
    assert [proofs[seat["proof"]]["event"] for seat in seats] == ["rtsp.response"] * len(seats)
    assert all(proofs[name]["ts"] for alert in told["alerts"] for name in alert["proofs"])
    cited = re.findall(r'"p\d+"', json.dumps([told["alerts"], told["findings"], told["devices"]]))
    assert {one.strip('"') for one in cited} == set(proofs)
