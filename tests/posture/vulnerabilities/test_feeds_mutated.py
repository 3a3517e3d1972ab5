"""Feeds with mutated parts: every entry is accepted or reported as a fault, and no other error is raised."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.posture.vulnerabilities.database import open_to_write
from sensor.posture.vulnerabilities.feeds.entry import Broken, Entry, Exploited, Score, Unreadable
from sensor.posture.vulnerabilities.feeds.opened import open_feed
from sensor.posture.vulnerabilities.importer import Origin, import_feed
from tests.posture.vulnerabilities.feeds import CVE_RECORD, EPSS, KEV, advisory, cpe_match, nvd_cve, nvd_feed

MATCHES = [
    cpe_match("o:axis:axis_os", versionStartIncluding="9.80", versionEndExcluding="9.80.69"),
    cpe_match("o:cisco:ios", version="15.2\\(7\\)e3"),
]
DOCUMENTS = [
    nvd_feed([nvd_cve("CVE-2024-1001", MATCHES, hardware=["h:axis:p3245"]), nvd_cve("CVE-2024-1002", [])]),
    CVE_RECORD,
    KEV,
    advisory(),
]
WORDS = ["CVE-2024-1", "*", "-", "vers:all/*", "\ud800", "9" * 400]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cve", "id", "name", "product", "versions", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All positions in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above] * bool(above) + [place for name, one in inner for place in places(one, (*above, name))]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A feed in which one to three parts are replaced."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(document) or [()]))
        inner = document
        for name in place[:-1]:
            inner = inner[name]
        if place:
            inner[place[-1]] = draw(ANYTHING)
    return json.dumps(document)


@settings(max_examples=100, deadline=None)
@given(
    mutated()
    | st.text(max_size=300)
    | st.builds(lambda text, at: EPSS[:at] + text + EPSS[at:], st.text(max_size=10), st.integers(0, len(EPSS)))
)
def test_anything(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            with open_feed(path) as feed:
                items = list(feed.items)
        except Unreadable:
            items = []
        assert all(isinstance(item, Entry | Exploited | Score | Broken) for item in items)
        base = open_to_write(Path(folder))
        outcome = import_feed(base, path, Origin("feed", ""), "2026-11-27T00:00:00Z")
        assert outcome.trouble or outcome.entries == sum(not isinstance(item, Broken) for item in items)
        base.close()
