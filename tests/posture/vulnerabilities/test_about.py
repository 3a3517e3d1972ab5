"""The combined information of all sources about a CVE, and the age of the sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from sensor.posture.vulnerabilities.about import UPDATE, Library
from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.database import open_to_read, open_to_write
from sensor.posture.vulnerabilities.importer import Origin, import_feed
from sensor.posture.vulnerabilities.sources import Source, name_for, sources_of
from tests.golden import Golden
from tests.posture.vulnerabilities.feeds import CVE_RECORD, EPSS, KEV, cpe_match, nvd_cve, nvd_feed

NVD = nvd_feed(
    [
        nvd_cve(
            "CVE-2021-36260",
            [cpe_match("o:hikvision:x_firmware", versionEndExcluding="5.5")],
            score=9.1,
            exploited="2022-01-10",
        ),
        nvd_cve("CVE-2024-9999", []),
    ]
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    base = open_to_write(tmp_path)
    for name, content in (("nvd", NVD), ("cve", CVE_RECORD), ("kev", KEV), ("epss", EPSS)):
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        assert not import_feed(base, tmp_path / name, Origin(name, ""), "2026-11-27T06:00:00Z").trouble
    base.close()
    with closing(open_to_read(tmp_path)) as reading:
        yield Library(load_curated(), reading)


def test_several_curated_entries_of_a_cve() -> None:
    """One entry for each product: exploitation of one of them is known of the CVE, whichever is first, and the highest
    score applies.
    """
    camera = replace(load_curated()[0], cvss=7.0, kev=False, exploited=False, advice="Update the camera.")
    recorder = replace(camera, cvss=9.8, exploited=True, advice="Update the recorder.")
    for several in ([camera, recorder], [recorder, camera]):
        known = Library(several).about(camera.cve)
        assert known is not None
        assert (known.exploited, known.cvss, known.title) == ("known", 9.8, camera.title)
        assert known.advice == " ".join(one.advice for one in several)


def test_sources_together(golden: Golden, library: Library) -> None:
    """Shipped texts and imported scores are combined; a CVE of one source only has its information."""
    known = library.about("CVE-2021-36260")
    assert known is not None
    assert (known.cvss, known.probability, known.exploited, known.sources) == (
        9.1,
        0.944,
        "2022-01-10",
        ("curated", "nvd"),
    )
    assert "botnets" in known.title
    assert library.products("CVE-2021-36260") == [("nvd", "hikvision", "x", "before 5.5")]
    mitel = library.about("CVE-2024-41710")
    assert mitel is not None
    golden(mitel.fixed)
    assert (mitel.exploited, mitel.due, mitel.ransomware, mitel.sources) == (
        "2025-02-12",
        "2025-03-05",
        True,
        ("curated", "cve", "kev"),
    )
    foreign = library.about("CVE-2024-9999")
    assert foreign is not None
    assert (foreign.title, foreign.advice, foreign.cvss) == ("Told in English", UPDATE, 7.5)
    for unknown in ("CVE-1999-0001", "nonsense", ""):
        assert library.about(unknown) is None


def test_without_an_import() -> None:
    """The shipped information is used alone."""
    library = Library(load_curated())
    known = library.about("CVE-2021-36260")
    assert known is not None
    assert (known.cvss, known.exploited, known.sources) == (9.8, "known", ("curated",))
    assert library.products("CVE-2021-36260") == []


def test_age(library: Library, tmp_path: Path) -> None:
    """A feed's age is by its own date, that of single records by theirs, and that of a download by the import."""
    with closing(open_to_read(tmp_path)) as base:
        ages = {one.name: one.age_days(datetime(2026, 11, 28, tzinfo=UTC)) for one in sources_of(base)}
    assert ages == {"nvd": 402, "cve": 0, "kev": 459, "epss": 2}
    assert sources_of(None) == []
    year = Source(
        "nvd", "nvd", "https://example.com/nvd.json", "2025-10-21T00:00:00", "2026-11-27T00:00:00Z", 1, 0, "", "", ""
    )
    assert year.age_days(datetime(2026, 11, 28, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/tmp/nvdcve-2.0-2021.json.gz", "nvdcve-2.0-2021"),
        ("https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2026.json.gz", "nvdcve-2.0-2026"),
        ("https://services.nvd.nist.gov/rest/json/cves/2.0?startIndex=2000", "2.0-startindex-2000"),
        ("/data/cvelistV5-main.zip", "cvelistv5-main"),
        ("/data/cves/", "cves"),
        ("???", "feed"),
    ],
)
def test_names_of_sources(place: str, name: str) -> None:
    assert name_for(place) == name
