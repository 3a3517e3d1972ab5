"""A log written by an attacker: whatever devices, alerts and older reports are called, a report shows it as text and
runs none of it.
"""

from __future__ import annotations

import functools
import json
import operator
import random
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests import sampling
from tests.cli.conftest import SCAN, TIMES, claim, device, record
from tests.cli.test_report import unpacked

MARKUP = [
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "</style><img src=x onerror=alert(1)>",
    "</script><h1>mine",
    "]]></svg>&lt;b&gt;",
    "'><a href=//evil.example>",
]
INVISIBLE = ["\u202egnp.exe", "a\x1b[2Jb", "line\nbreak\r\x00", "zero\u200bwidth", "\ud800half"]
# Elements and attributes of our own templates and pictures.
TAGS = set(
    "html head meta title style body header p h1 h2 h3 section div dl dt dd ul ol li a span figure "
    "figcaption svg desc rect path polyline circle text nav main"
    " table thead tbody tr th td article code b i br sup script".split()
)


class _Page(HTMLParser):
    """Tags, attributes and text of a page; contents of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.texts: list[str] = []
        self._within = ""
        self.held: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in {"href", "src"}}
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in {"script", "style"}:
            self.held.append((self._within, data))
        else:
            self.texts.append(data)


def enemy(word: str) -> list[dict[str, Any]]:
    """A log in which every name is this text."""
    texts = {
        "hostname": word,
        "vendor": word,
        "model": word,
        "firmware": word,
        "serial": word,
        "os": word,
        "owner": word,
        "services": [word],
        "roles": [word],
    }
    end = {"ip": word, "mac": word, "device": "dev-1", "hostname": word, "type": word, "port": 80}
    alert = {
        **SCAN,
        "id": word,
        "key": word,
        "detector": word,
        "title": word,
        "why": [word],
        "advice": word,
        "attack": [{"technique": word, "name": word}],
    }
    proof = {"event": word, "ts": TIMES["last"], "src": end, "dst": end, "facts": {word: word}}
    story = [{"ts": TIMES["first"], "alert": word, "severity": "high", "msg": word}]
    advice = {
        "id": "recommendation-1",
        "setting": word,
        "title": word,
        "why": [word],
        "seen": word,
        "fix": word,
        "test": word,
        "count": 1,
        **TIMES,
    }
    result = [
        device(
            1, "camera", evidence=[{**claim("model", word, "mdns", 0.9), "seen": word, "observation": word}], **texts
        ),
        device(2, word, vlan=30, **texts),
        device(1, "camera", "changed", changes=[{"field": "model", "old": word, "new": word}], **texts),
        record(
            "alert",
            "open",
            word,
            "high",
            alert=alert,
            src=end,
            dst=end,
            targets=[end],
            evidence=[proof],
            packets={"file": word, "frames": 1},
        ),
        record(
            "incident",
            "open",
            word,
            "high",
            incident={"id": word, "risk": 70, "actors": [end], "story": story, **TIMES},
            src=end,
        ),
        record("recommendation", "open", word, "high", recommendation=advice, src=end, evidence=[proof]),
        record("sensor", "health", word, "high", facts={"check": word}),
        record("sensor", "summary", word, capture={"source": word, "packets": 7}),
    ]
    result[-1]["sensor"] = {"id": word, "site": word, "version": word}
    return result


@pytest.fixture
def logged(tmp_path: Path):
    """The log of an attacker."""

    def write(word: str) -> Path:
        path = tmp_path / "enemy.jsonl"
        began = record("sensor", "started", "capturing on eth0")
        path.write_text("".join(f"{json.dumps(one)}\n" for one in (began, *enemy(word))), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("word", MARKUP)
def test_markup_is_text(run_cli, logged, tmp_path: Path, word: str) -> None:
    """The page has only our elements, no attribute that runs code and no external link; the text is shown unchanged."""
    out = tmp_path / "report.html"
    assert run_cli("report", "--events", str(logged(word)), "-o", str(out)).code == 0
    page = _Page(out.read_text(encoding="utf-8"))
    assert page.tags <= TAGS
    assert not {name for name in page.names if name.startswith("on")}
    assert {link for link in page.links if not link.startswith("#")} == set()
    assert word in "".join(page.texts)
    assert [kind for kind, _ in page.held].count("script") == 1
    (carried,) = [held for kind, held in page.held if kind == "script"]
    assert json.loads(carried)["devices"][0]["vendor"] == word
    assert "<" not in carried


@pytest.mark.parametrize("word", INVISIBLE)
def test_what_is_invisible_is_not_reported(run_cli, logged, tmp_path: Path, word: str) -> None:
    """Neither page nor JSON has control, format or bidirectional characters."""
    for name in ("report.html", "report.json"):
        assert run_cli("report", "--events", str(logged(word)), "-o", str(tmp_path / name)).code == 0
        text = (tmp_path / name).read_text(encoding="utf-8")
        text += json.dumps(json.loads(text), ensure_ascii=False) if name.endswith("json") else ""
        assert {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co"}} <= {"\n"}


JUNK = [
    None,
    7,
    -1,
    1e308,
    1 << 70,
    "",
    [],
    {},
    ["x", 7, None],
    {"a": {"b": [1]}},
    True,
    TIMES["first"],
    "x" * 3000,
    "9999-99-99T99:99:99Z",
]


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all values of a record."""
    if way:
        yield way
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(one, (*way, key))


@pytest.mark.parametrize("seed", range(40))
def test_a_log_of_anything_is_a_report(run_cli, tmp_path: Path, seed: int) -> None:
    """Any type where text, a number or a list is expected gives a report, with which another can be compared."""
    chance, log, page = random.Random(seed), tmp_path / "odd.jsonl", tmp_path / "odd.html"
    records = json.loads(json.dumps(enemy("door")))
    for _ in range(6):
        *way, last = chance.choice(list(_places(records)))
        functools.reduce(operator.getitem, way, records)[last] = json.loads(json.dumps(chance.choice(JUNK)))
    log.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
    assert run_cli("report", "--events", str(log), "-o", str(page)).code == 0
    assert run_cli("report", "--events", str(log), "-o", str(tmp_path / "new.json"), "--against", str(page)).code == 0


@pytest.mark.paper
@pytest.mark.parametrize("word", sampling.drawn([MARKUP[0], INVISIBLE[0]], 1, "words on paper"))
def test_paper_takes_what_comes(run_cli, logged, tmp_path: Path, word: str) -> None:
    """Writing PDF fetches nothing and runs nothing."""
    result = run_cli("report", "--events", str(logged(word)), "-o", str(tmp_path / "report.pdf"))
    assert result.code == 0
    data = unpacked(tmp_path / "report.pdf")
    assert data.startswith(b"%PDF-")
    assert b"/JavaScript" not in data
    assert b"/URI" not in data


@pytest.mark.parametrize("word", [*MARKUP, *INVISIBLE[:4]])
def test_an_older_report_may_be_an_enemy_s_too(run_cli, logged, tmp_path: Path, word: str) -> None:
    """The contents of an older report are shown as text, without invisible characters."""
    log, old, new = logged("door"), tmp_path / "old.json", tmp_path / "new.html"
    assert run_cli("report", "--events", str(log), "-o", str(old)).code == 0
    result = json.loads(old.read_text(encoding="utf-8"))
    ghost = {"id": word, "type": word, "name": word, "addresses": [word], "findings": [word]}
    result["devices"] = [ghost]
    result["work"] = [{"id": word, "title": word, "severity": "high", "points": 50, "devices": [word]}]
    result["period"]["label"] = word
    old.write_text(json.dumps(result), encoding="utf-8")
    assert run_cli("report", "--events", str(log), "-o", str(new), "--against", str(old)).code == 0
    page = _Page(new.read_text(encoding="utf-8"))
    assert page.tags <= TAGS
    assert not {name for name in page.names if name.startswith("on")}
    assert {sign for sign in "".join(page.texts) if unicodedata.category(sign) in {"Cc", "Cf"}} <= {"\n"}
