"""Imports into the database: atomic, with the newest state of each CVE, and nothing lost to a damaged feed."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.vulnerabilities.about import Library
from sensor.posture.vulnerabilities.database import FILE, DatabaseError, name_of, number_of, open_to_read, open_to_write
from sensor.posture.vulnerabilities.feeds.entry import AFFECTS_LIMIT
from sensor.posture.vulnerabilities.forget import forget
from sensor.posture.vulnerabilities.importer import ImportResult, Origin, import_feed
from tests.golden import Golden
from tests.posture.vulnerabilities.feeds import EPSS, KEV, advisory, cpe_match, nvd_cve, nvd_feed

NOBODY = 65534
NOW = "2026-11-27T06:00:00Z"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_to_write(tmp_path)) as opened:
        yield opened


def taken(
    base: sqlite3.Connection,
    folder: Path,
    content: Any,
    name: str = "nvd-2021",
    *,
    force: bool = False,
    moment: str = NOW,
) -> ImportResult:
    path = folder / "feed"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return import_feed(base, path, Origin(name, str(path)), moment, force=force)


def many(count: int, first: int = 1000, **more: Any) -> dict[str, Any]:
    return nvd_feed(
        [
            nvd_cve(f"CVE-2021-{number}", [cpe_match("o:axis:axis_os", versionEndExcluding="9.80.69")], **more)
            for number in range(first, first + count)
        ]
    )


def counts(base: sqlite3.Connection) -> tuple[int, int, int]:
    requested = "SELECT (SELECT count(*) FROM cves), (SELECT count(*) FROM rules), (SELECT count(*) FROM products)"
    return tuple(base.execute(requested).fetchone())


def test_a_cve_is_a_number() -> None:
    for name in ("CVE-2021-0001", "CVE-1999-1234", "CVE-2024-12345678"):
        assert name_of(number_of(name)) == name


def test_an_import(base: sqlite3.Connection, tmp_path: Path) -> None:
    """The result contains number, kind and date; products are stored once."""
    outcome = taken(base, tmp_path, many(30))
    assert outcome == ImportResult("nvd-2021", "nvd", 30, stamp="2025-10-21T20:18:39.667")
    assert counts(base) == (30, 30, 1)
    row = base.execute("SELECT * FROM sources").fetchone()
    assert (row["name"], row["kind"], row["stamp"], row["imported"], row["entries"], row["trouble"]) == (
        "nvd-2021",
        "nvd",
        outcome.stamp,
        NOW,
        30,
        "",
    )
    assert taken(base, tmp_path, many(30)) == outcome
    assert counts(base) == (30, 30, 1)


def test_the_newest_state_stays(base: sqlite3.Connection, tmp_path: Path) -> None:
    """An older feed changes nothing; a rejected CVE has no rules."""
    taken(base, tmp_path, many(2, modified="2025-10-22"))
    assert taken(base, tmp_path, many(2, score=1.0, modified="2025-10-21"), "older").older == 2
    assert base.execute("SELECT min(cvss) FROM cves").fetchone()[0] == 7.5
    gone = nvd_cve("CVE-2021-1000", [], modified="2025-10-23")
    gone["cve"]["vulnStatus"] = "Rejected"
    taken(base, tmp_path, nvd_feed([gone]), "modified")
    assert counts(base) == (2, 1, 1)
    assert base.execute("SELECT rejected FROM cves ORDER BY id").fetchall()[0][0] == 1


LATER = "2026-11-28T06:00:00Z"


def first_imports(base: sqlite3.Connection) -> dict[str, str]:
    """When each CVE was imported first; empty if unknown."""
    several, library = base.execute("SELECT DISTINCT id FROM cves ORDER BY id").fetchall(), Library((), base)
    found = [library.about(name_of(row[0])) for row in several]
    return {about.cve: about.imported for about in found if about is not None}


def test_the_first_import_of_a_cve_stays(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Newer states and other feeds do not change it, nor does the removal of the feed."""
    taken(base, tmp_path, many(2, modified="2025-10-21"))
    taken(base, tmp_path, many(3, modified="2025-10-22"), "other", moment=LATER)
    expected = {"CVE-2021-1000": NOW, "CVE-2021-1001": NOW, "CVE-2021-1002": LATER}
    assert first_imports(base) == expected
    assert forget(base, "nvd-2021", "nvd") == 0
    assert forget(base, "other", "nvd") == 3
    assert first_imports(base) == {}
    taken(base, tmp_path, many(3), moment="2026-12-01T06:00:00Z")
    assert first_imports(base) == expected


def test_the_first_import_of_an_earlier_version_is_unknown(tmp_path: Path) -> None:
    """Such a file can be read, and later imports record only the CVEs that are new."""
    with closing(open_to_write(tmp_path)) as base:
        taken(base, tmp_path, many(2))
        base.execute("DROP TABLE first_imports")
    with closing(open_to_read(tmp_path)) as base:
        assert first_imports(base) == {"CVE-2021-1000": "", "CVE-2021-1001": ""}
    with closing(open_to_write(tmp_path)) as base:
        taken(base, tmp_path, many(3, modified="2025-12-22"), moment=LATER)
        assert first_imports(base) == {"CVE-2021-1000": "", "CVE-2021-1001": "", "CVE-2021-1002": LATER}


def test_a_cve_with_more_products_than_are_read(base: sqlite3.Connection, tmp_path: Path) -> None:
    """The import reports it: devices with a product that is left out have no finding."""
    products = [cpe_match(f"o:x:y{number}") for number in range(AFFECTS_LIMIT + 1)]
    outcome = taken(base, tmp_path, nvd_feed([nvd_cve("CVE-2021-1000", products), nvd_cve("CVE-2021-1001", [])]))
    assert (outcome.entries, outcome.cut) == (2, 1)


def vendors(base: sqlite3.Connection) -> list[str]:
    """Vendors of all rules."""
    requested = "SELECT vendor FROM rules JOIN products ON products.id = product ORDER BY vendor"
    return [row[0] for row in base.execute(requested)]


def test_advisories_with_the_same_cve(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Each has the products of its vendor: all of them stay, whatever the order, and one is replaced by its next
    version only.
    """
    taken(base, tmp_path, advisory(), "trane")
    taken(base, tmp_path, advisory("Carrier", "Y-1", "2024-04-01"), "carrier")
    assert vendors(base) == ["carrier", "carrier", "trane", "trane"]
    assert base.execute("SELECT modified FROM cves").fetchone()[0] == "2024-05-02T00:00:00Z"
    shorter = advisory("Carrier", "Y-1", "2024-06-01")
    shorter["vulnerabilities"][0]["product_status"]["known_affected"] = ["P1"]
    assert taken(base, tmp_path, shorter, "carrier").older == 0
    assert taken(base, tmp_path, advisory("Carrier", "Y-1"), "carrier").older == 1
    assert vendors(base) == ["carrier", "trane", "trane"]


def test_rules_of_an_earlier_version_have_no_advisory(base: sqlite3.Connection, tmp_path: Path) -> None:
    """They are replaced by the first import of the CVE."""
    taken(base, tmp_path, advisory(), "trane")
    base.executescript("UPDATE rules SET number = number & 65535; DROP TABLE advisories")
    with closing(open_to_write(tmp_path)) as again:
        taken(again, tmp_path, advisory(), "trane")
        assert vendors(again) == ["trane", "trane"]


def scores(count: int) -> str:
    return EPSS.partition("CVE-")[0] + "".join(f"CVE-2021-{1000 + one},0.5,0.9\n" for one in range(count))


def test_scores_that_lose_half_are_refused(golden: Golden, base: sqlite3.Connection, tmp_path: Path) -> None:
    """The old ones are kept and the fault is reported, unless the import is forced."""
    taken(base, tmp_path, scores(40), "epss")
    outcome = taken(base, tmp_path, scores(19), "epss")
    golden(outcome.trouble)
    assert base.execute("SELECT count(*) FROM scores").fetchone()[0] == 40
    assert base.execute("SELECT trouble FROM sources").fetchone()[0] == outcome.trouble
    assert taken(base, tmp_path, scores(20), "epss").trouble == ""
    assert base.execute("SELECT trouble FROM sources").fetchone()[0] == ""
    assert taken(base, tmp_path, scores(3), "epss", force=True).trouble == ""


def test_a_feed_of_recent_changes_may_have_fewer(golden: Golden, base: sqlite3.Connection, tmp_path: Path) -> None:
    """Its CVEs are added to those that are stored, of which none is lost. One without any is rejected."""
    taken(base, tmp_path, many(40), "nvd-modified")
    assert taken(base, tmp_path, many(3, first=5000), "nvd-modified").trouble == ""
    assert counts(base)[0] == 43
    golden(taken(base, tmp_path, nvd_feed([]), "nvd-modified").trouble)


def test_the_catalogue_and_the_scores_are_replaced(base: sqlite3.Connection, tmp_path: Path) -> None:
    """Entries that are no longer listed are deleted."""
    outcome = taken(base, tmp_path, KEV, "kev")
    assert (outcome.entries, outcome.broken, outcome.faults[0].where) == (1, 1, "vulnerabilities[1]")
    other = {**KEV, "vulnerabilities": [{**KEV["vulnerabilities"][0], "cveID": "CVE-2025-1316"}]}
    taken(base, tmp_path, other, "kev")
    assert [name_of(row[0]) for row in base.execute("SELECT cve FROM exploited")] == ["CVE-2025-1316"]
    taken(base, tmp_path, EPSS, "epss")
    assert [tuple(row) for row in base.execute("SELECT * FROM scores")] == [
        (number_of("CVE-2021-36260"), 0.944, 0.99995)
    ]


def test_a_feed_that_breaks_off_changes_nothing(golden: Golden, base: sqlite3.Connection, tmp_path: Path) -> None:
    """A truncated compressed feed is refused as a whole."""
    taken(base, tmp_path, many(40))
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(json.dumps(many(40, first=5000)).encode())[:-30])
    assert import_feed(base, path, Origin("nvd-2021", ""), NOW).trouble.startswith("cannot be decompressed")
    golden(import_feed(base, tmp_path / "none", Origin("nvd-2021", ""), NOW).trouble)
    assert counts(base)[0] == 40
    assert min(row[0] for row in base.execute("SELECT id FROM cves")) == number_of("CVE-2021-1000")


def test_a_full_disk(golden: Golden, base: sqlite3.Connection, tmp_path: Path) -> None:
    """Nothing changes, the reason is that of the disk, and the next import works."""
    taken(base, tmp_path, many(2))
    base.execute(f"PRAGMA max_page_count = {base.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(DatabaseError) as raised:
        taken(base, tmp_path, many(3000))
    golden(str(raised.value))
    assert not base.in_transaction
    assert counts(base)[0] == 2
    base.execute("PRAGMA max_page_count = 1000000")
    assert taken(base, tmp_path, many(30)).trouble == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_other_users(tmp_path: Path) -> None:
    """A database that root imports is owned by the folder's owner; a user with read access can read it."""
    folder = Path(tempfile.mkdtemp(prefix="vulnerabilities-", dir="/tmp"))
    try:
        os.chown(folder, NOBODY, NOBODY)
        base = open_to_write(folder)
        taken(base, tmp_path, many(3))
        base.close()
        assert [(path.name, path.stat().st_uid) for path in folder.iterdir()] == [(FILE, NOBODY)]
        os.chown(folder, 0, 0)
        folder.chmod(0o755)
        child = os.fork()
        if child == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            reading = open_to_read(folder)
            os._exit(0 if reading is not None and counts(reading) == (3, 3, 1) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        shutil.rmtree(folder)


def test_a_database_that_is_none(tmp_path: Path) -> None:
    """An invalid database is an error with file and reason in one line; a missing one is empty."""
    assert open_to_read(tmp_path) is None
    (tmp_path / FILE).write_text("something else" * 100, encoding="utf-8")
    for opened in (open_to_read, open_to_write):
        with pytest.raises(DatabaseError, match=rf"{FILE}: .* database"):
            opened(tmp_path)
    (tmp_path / FILE).unlink()
    base = open_to_write(tmp_path)
    base.execute("PRAGMA user_version = 7")
    with pytest.raises(DatabaseError, match=r"version 7, .*\b1\b"):
        open_to_read(tmp_path)
    base.close()


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A directory in its place: the error has its path."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(DatabaseError, match=FILE):
        open_to_write(tmp_path)
