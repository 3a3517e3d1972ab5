"""Deleting feeds: CVEs of that feed alone are deleted, those of other feeds stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sensor.posture.vulnerabilities.database import open_to_write
from sensor.posture.vulnerabilities.forget import FeedNotRecorded, forget
from tests.posture.vulnerabilities.feeds import advisory, nvd_feed
from tests.posture.vulnerabilities.test_importer import counts, many, taken, vendors

LEFT = [f"SELECT count(*) FROM {table}" for table in ("words", "members", "feeds")]  # noqa: S608 internal names


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_to_write(tmp_path)) as opened:
        yield opened


def feeds(base: sqlite3.Connection) -> list[str]:
    return [row[0] for row in base.execute("SELECT name FROM sources ORDER BY name")]


def test_what_came_of_one_alone_goes(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Ten CVEs that two feeds share stay until both are deleted; then no product is left."""
    taken(base, tmp_path, many(30), "year")
    taken(base, tmp_path, many(30, first=1020), "modified")
    assert forget(base, "year", "nvd") == 20
    assert (counts(base), feeds(base)) == ((30, 30, 1), ["modified"])
    assert forget(base, "modified", "nvd") == 30
    assert (counts(base), feeds(base)) == ((0, 0, 0), [])
    assert [base.execute(requested).fetchone()[0] for requested in LEFT] == [0, 0, 0]


def test_advisories_go_with_their_feed(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Of a CVE in the advisories of two vendors, the rules of the other one stay."""
    taken(base, tmp_path, advisory(), "trane")
    taken(base, tmp_path, advisory("Carrier", "Y-1"), "carrier")
    assert forget(base, "carrier", "csaf") == 0
    assert vendors(base) == ["trane", "trane"]
    assert forget(base, "trane", "csaf") == 1
    assert base.execute("SELECT count(*) FROM advisories").fetchone()[0] == 0


def test_what_a_feed_reports_no_more_came_of_it_all_the_same(base: sqlite3.Connection, tmp_path: Path) -> None:
    """CVEs that left the feed since are deleted with it."""
    taken(base, tmp_path, many(30), "year")
    taken(base, tmp_path, many(20), "year")
    assert forget(base, "year", "nvd") == 30
    assert counts(base) == (0, 0, 0)


def test_one_of_before(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Deleting a feed without a list of its CVEs is an error and changes nothing, until it is imported again."""
    taken(base, tmp_path, many(30), "year")
    base.executescript("DROP TABLE members; DROP TABLE feeds")
    with closing(open_to_write(tmp_path)) as again:
        with pytest.raises(FeedNotRecorded):
            forget(again, "year", "nvd")
        assert (counts(again), feeds(again)) == ((30, 30, 1), ["year"])
        taken(again, tmp_path, many(30), "year")
        assert forget(again, "year", "nvd") == 30


def test_a_feed_that_is_refused_keeps_its_notes(base: sqlite3.Connection, tmp_path: Path) -> None:
    """A refused update changes neither the CVEs nor the list of them."""
    taken(base, tmp_path, many(30), "year")
    assert taken(base, tmp_path, nvd_feed([]), "year").trouble
    assert forget(base, "year", "nvd") == 30
