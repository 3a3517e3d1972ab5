"""Feeds: each format as its publisher writes it; faults are reported and skipped."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.vulnerabilities.cpe import Cpe, parse_cpe
from sensor.posture.vulnerabilities.feeds import csaf, json_stream
from sensor.posture.vulnerabilities.feeds.cve_record import NOT_LISTED
from sensor.posture.vulnerabilities.feeds.entry import (
    NO_VERSION,
    NOT_READ,
    RANGES_LIMIT,
    Affects,
    Broken,
    Entry,
    Exploited,
    Score,
    Unreadable,
)
from sensor.posture.vulnerabilities.feeds.json_stream import ElementStream
from sensor.posture.vulnerabilities.feeds.opened import open_feed
from sensor.posture.vulnerabilities.ranges import Range
from tests.golden import Golden
from tests.posture.vulnerabilities.feeds import CVE_RECORD, EPSS, KEV, advisory, cpe_match, nvd_cve, nvd_feed


def read(path: Path) -> tuple[str, str, list[Any]]:
    with open_feed(path) as feed:
        return feed.kind, feed.stamp, list(feed.items)


def written(folder: Path, content: Any, name: str = "feed") -> Path:
    path = folder / name
    path.write_bytes(
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    return path


def test_nvd(tmp_path: Path) -> None:
    """Scores, dates, versions and platforms are read; firmware has the name of its device."""
    matches = [
        cpe_match(
            "o:hikvision:ds-2cd2426g2-iu\\/sl_firmware", versionStartIncluding="5.5.0", versionEndExcluding="5.5.800"
        ),
        cpe_match("o:hikvision:ds-2cd2426g2-iu\\/sl_firmware", version="5.4.1"),
        cpe_match("o:hikvision:ds-2cd2426g2-i_firmware", version="-"),
    ]
    one = nvd_cve(
        "CVE-2021-36260", matches, hardware=["h:hikvision:ds-2cd2426g2-iu\\/sl"], score=9.8, exploited="2022-01-10"
    )
    kind, stamp, items = read(written(tmp_path, nvd_feed([one])))
    assert (kind, stamp) == ("nvd", "2025-10-21T20:18:39.667")
    affects = (
        Affects(
            "hikvision",
            "ds-2cd2426g2-iu/sl",
            (Range("5.5.0", "5.5.800"), Range("5.4.1", "5.4.1", through=True)),
            ("ds-2cd2426g2-iu/sl",),
        ),
        Affects("hikvision", "ds-2cd2426g2-i", (), ("ds-2cd2426g2-iu/sl",), "the record contains no version"),
    )
    assert items == [
        Entry(
            "CVE-2021-36260",
            "Told in English",
            affects,
            9.8,
            "3.1",
            "2021-09-22",
            "2025-10-21T20:18:39.667",
            exploited="2022-01-10",
        )
    ]


def test_the_same_packed(tmp_path: Path) -> None:
    """Compressed feeds are recognized by content."""
    names = [f"CVE-2021-{number}" for number in range(1000, 4000)]
    feed = json.dumps(nvd_feed([nvd_cve(name, []) for name in names]), indent=1).encode()
    assert len(feed) > 2 * json_stream.CHUNK
    for content in (feed, gzip.compress(feed), b"\xef\xbb\xbf" + feed):
        assert [one.cve for one in read(written(tmp_path, content))[2]] == names


def test_a_page_of_the_api(tmp_path: Path, golden: Golden) -> None:
    """A page is accepted and reported as partial."""
    page = nvd_feed([nvd_cve("CVE-2021-1000", [])]) | {"startIndex": 2000, "totalResults": 260_123}
    with open_feed(written(tmp_path, page)) as feed:
        golden(feed.page)
    for whole in (nvd_feed([]), {**page, "totalResults": 1}, {**page, "totalResults": "many"}):
        with open_feed(written(tmp_path, whole)) as feed:
            assert feed.page == ""


def test_bounds_of_versions(tmp_path: Path) -> None:
    output = [
        ({"versionStartExcluding": "1", "versionEndIncluding": "2"}, Range("1", "2", after=True, through=True)),
        ({"versionEndExcluding": "2"}, Range(end="2")),
        ({"versionStartIncluding": "1"}, Range("1")),
        ({}, Range()),
    ]
    for bounds, expected in output:
        entry = read(written(tmp_path, nvd_feed([nvd_cve("CVE-2021-1000", [cpe_match("a:x:y", **bounds)])])))[2][0]
        assert entry.affects[0].ranges == (expected,)
    for name, version in (("o:x:y", "-"), ("h:x:y", "*"), ("h:x:y", "-"), ("h:x:y", "1.0")):
        entry = read(written(tmp_path, nvd_feed([nvd_cve("CVE-2021-1000", [cpe_match(name, version=version)])])))[2][0]
        assert entry.affects == (Affects("x", "y", (), (), NO_VERSION),)


def test_broken_entries_are_named_and_the_rest_is_read(tmp_path: Path, golden: Golden) -> None:
    """Invalid JSON, CVE ids and CPE names are reported with their place."""
    good = [json.dumps(nvd_cve(f"CVE-2021-{number}", [])) for number in range(1000, 1004)]
    odd = json.dumps(nvd_cve("CVE-21", []))
    malformed = json.dumps(nvd_cve("CVE-2021-2000", [{"vulnerable": True, "criteria": "cpe:/o:x:y"}]))
    elements = [good[0], '{"cve": {"id": "CVE-2021-3000", oops}}', good[1], odd, good[2], "7", malformed, good[3]]
    _, _, items = read(written(tmp_path, f'{{"format": "NVD_CVE", "vulnerabilities": [{",".join(elements)}]}}'))
    assert [one.cve for one in items if isinstance(one, Entry)] == [
        f"CVE-2021-{number}" for number in range(1000, 1004)
    ]
    broken = [one for one in items if isinstance(one, Broken)]
    assert [one.where for one in broken] == [f"vulnerabilities[{place}]" for place in (1, 3, 5, 6)]
    golden([one.why for one in broken])


def test_a_feed_that_ends_early(tmp_path: Path, golden: Golden) -> None:
    """The complete elements are read and the missing end is reported, also for a truncated compressed file."""
    feed = json.dumps(nvd_feed([nvd_cve(f"CVE-2021-{number}", []) for number in range(1000, 1010)])).encode()
    items = read(written(tmp_path, feed[: len(feed) // 2]))[2]
    assert isinstance(items[0], Entry)
    last = items[-1]
    assert isinstance(last, Broken)
    assert last.where == f"vulnerabilities[{len(items) - 2}]"
    golden(last.why)
    with pytest.raises(Unreadable, match="cannot be decompressed"):
        read(written(tmp_path, gzip.compress(feed)[:-20]))


@pytest.mark.parametrize("size", [64, 100, 777, 5000])
def test_elements_across_what_is_read_at_once(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Any chunk size gives the same elements and faults."""
    elements = [json.dumps({"cve": {"id": number, "text": "ü{[\\" * (number % 40)}}) for number in range(200)]
    elements[50] = '{"cve": {"id": 50, ]}}'
    monkeypatch.setattr(json_stream, "CHUNK", size)
    stream = ElementStream(
        io.StringIO(f'{{"a": 1, "vulnerabilities": [{" , ".join(elements)}] , "b": 2}}'), "vulnerabilities", "cve"
    )
    read = list(stream)
    assert stream.header == {"a": 1, "vulnerabilities": []}
    assert [number for number, one in enumerate(read) if isinstance(one, Broken)] == [50]
    assert [one["cve"]["id"] for one in read if isinstance(one, dict)] == [
        number for number in range(200) if number != 50
    ]


def test_an_endless_element_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An element without an end uses bounded memory; one that is nested too deeply is skipped."""
    monkeypatch.setattr(json_stream, "ELEMENT_LIMIT", 1 << 16)
    monkeypatch.setattr(json_stream, "CHUNK", 1 << 12)
    endless = '{"cve": {"text": "' + "x" * (1 << 18) + '"}}, {"cve": {"id": 1}}]}'
    reported = list(ElementStream(io.StringIO('{"vulnerabilities": [' + endless), "vulnerabilities", "cve"))
    assert isinstance(reported[0], Broken)
    assert reported[1] == {"cve": {"id": 1}}
    deep = '{"cve":' + "[" * 100_000
    reported = list(
        ElementStream(io.StringIO('{"vulnerabilities": [' + deep + ',{"cve": 2}]}'), "vulnerabilities", "cve")
    )
    assert [isinstance(one, Broken) for one in reported] == [True, False]


def test_cve_records(tmp_path: Path) -> None:
    """A folder or an archive of records is read; texts about versions are kept as texts, change lists are skipped."""
    folder = tmp_path / "cves" / "2024" / "41xxx"
    folder.mkdir(parents=True)
    written(folder, CVE_RECORD, "CVE-2024-41710.json")
    written(
        folder,
        {**CVE_RECORD, "cveMetadata": {"cveId": "CVE-2024-41711", "state": "REJECTED"}, "containers": {}},
        "CVE-2024-41711.json",
    )
    written(folder, "{", "CVE-2024-41712.json")
    written(tmp_path / "cves", {"new": []}, "delta.json")
    os.mkfifo(tmp_path / "waits.json")
    kind, _, items = read(tmp_path)
    assert kind == "cve"
    entry = next(one for one in items if isinstance(one, Entry) and not one.rejected)
    assert (entry.cve, entry.cvss, entry.title, entry.exploited) == (
        "CVE-2024-41710",
        6.8,
        "Argument injection",
        "2025-02-12",
    )
    assert entry.affects == (
        Affects("Mitel", "6867i", (Range(end="6.4.0.136", through=True), Range("5.0", "5.1"))),
        Affects("Mitel", "6970", (), (), "before the March release"),
        Affects("Mitel", "6905", (Range(),)),
    )
    assert [one.cve for one in items if isinstance(one, Entry) and one.rejected] == ["CVE-2024-41711"]
    assert [one.where for one in items if isinstance(one, Broken)] == ["cves/2024/41xxx/CVE-2024-41712.json"]
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tmp_path / "cves").rglob("*.json")):
            archive.write(path, path.relative_to(tmp_path))
    assert read(packed)[2] == items
    damaged = bytearray(packed.read_bytes())
    damaged[damaged.index(b"Argument injection")] ^= 1
    kind, _, left = read(written(tmp_path, bytes(damaged), "damaged.zip"))
    assert kind == "cve"
    assert [one.cve for one in left if isinstance(one, Entry)] == ["CVE-2024-41711"]
    assert next(one.why for one in left if isinstance(one, Broken)).partition(": ")[2].startswith("Bad CRC-32")
    assert read(folder / "CVE-2024-41710.json")[2] == [entry]
    assert read(written(tmp_path, {**CVE_RECORD, "containers": {**CVE_RECORD["containers"], "x": "y" * 400_000}}))[
        2
    ] == [entry]


@pytest.mark.parametrize(
    ("product", "affects"),
    [
        # Whatever the record does not list is affected: no other version is known to be unaffected.
        (
            {
                "defaultStatus": "affected",
                "versions": [{"version": "5.15", "lessThan": "5.15.5", "status": "affected"}],
            },
            Affects("x", "y", (Range("5.15", "5.15.5"),), (), NOT_LISTED),
        ),
        # A hash is no version, even one that begins with a digit.
        (
            {
                "versions": [
                    {"version": "1da177e4c3f4", "lessThan": "9b1e44", "status": "affected", "versionType": "git"}
                ]
            },
            Affects("x", "y", (), (), "1da177e4c3f4: a commit"),
        ),
    ],
)
def test_versions_that_cve_records_do_not_order(tmp_path: Path, product: dict[str, Any], affects: Affects) -> None:
    cna = {"affected": [{"vendor": "x", "product": "y", **product}]}
    (entry,) = read(written(tmp_path, {**CVE_RECORD, "containers": {"cna": cna}}))[2]
    assert entry.affects == (affects,)


def test_a_product_listed_twice_in_a_cve_record(tmp_path: Path) -> None:
    """The ranges of both apply, and what one of them does not state as numbers remains unclear."""
    ranges = [{"version": "1.0", "lessThan": "1.5", "status": "affected"}]
    prose = [{"version": "before the March release", "status": "affected"}]
    listed = [{"vendor": "x", "product": "y", "versions": versions} for versions in (ranges, prose)]
    (entry,) = read(written(tmp_path, {**CVE_RECORD, "containers": {"cna": {"affected": listed}}}))[2]
    assert entry.affects == (Affects("x", "y", (Range("1.0", "1.5"),), (), "before the March release"),)


def test_more_versions_than_are_read(tmp_path: Path) -> None:
    """Some products list each affected release: whether one beyond the limit is affected is unknown, not denied."""
    names = [f"15.{number}" for number in range(RANGES_LIMIT + 2)]
    listed = [{"version": name, "status": "affected"} for name in names]
    cna = {"affected": [{"vendor": "x", "product": "y", "versions": listed}]}
    nvd = nvd_feed([nvd_cve("CVE-2021-1000", [cpe_match("o:x:y", version=name) for name in names])])
    for feed in ({**CVE_RECORD, "containers": {"cna": cna}}, nvd):
        ((affects,),) = [one.affects for one in read(written(tmp_path, feed))[2]]
        assert (len(affects.ranges), affects.unclear) == (RANGES_LIMIT, NOT_READ)


def test_kev_and_epss(tmp_path: Path, golden: Golden) -> None:
    """Both formats of the KEV catalog have the same content; EPSS scores have a date."""
    kind, stamp, items = read(written(tmp_path, KEV))
    one = Exploited(
        "CVE-2024-41710",
        "Mitel SIP Phones Argument Injection Vulnerability",
        "2025-02-12",
        "2025-03-05",
        True,
        'Apply, or "stop"\nusing it.',
    )
    assert (kind, stamp) == ("kev", "2025-08-25T17:04:19.9796Z")
    known, unnamed = items
    assert known == one._replace(action='Apply, or "stop" using it.')
    assert isinstance(unnamed, Broken)
    assert unnamed.where == "vulnerabilities[1]"
    golden(unnamed.why)
    heading = "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,dueDate,knownRansomwareCampaignUse"
    row = (
        "CVE-2024-41710,Mitel,SIP Phones,Mitel SIP Phones Argument Injection "
        'Vulnerability,2025-02-12,x,"Apply, or ""stop""\nusing it.",2025-03-05,Known'
    )
    kind, _, rows = read(written(tmp_path, f"{heading}\n{row}\nCVE,a,b\n"))
    assert kind == "kev"
    assert rows[0] == items[0]
    assert isinstance(rows[1], Broken)
    assert rows[1].where == "line 4"
    kind, stamp, scores = read(written(tmp_path, gzip.compress(EPSS.encode())))
    assert (kind, stamp) == ("epss", "2026-11-26")
    score, invalid = scores
    assert score == Score("CVE-2021-36260", 0.944, 0.99995)
    assert isinstance(invalid, Broken)
    assert invalid.where == "line 4"
    golden(invalid.why)


def test_csaf(tmp_path: Path) -> None:
    """Products of the tree are read at any depth, with their platforms."""
    kind, stamp, items = read(written(tmp_path, advisory()))
    assert (kind, stamp) == ("csaf", "2024-05-02T00:00:00Z")
    assert items == [
        Entry(
            "CVE-2024-0001", "An advisory",
            (Affects("Trane", "Tracer SC", (Range(end="4.4"),)),
            Affects("Trane", "Concierge", (Range("5.5 SP2", "5.5 SP2", through=True),))),
            9.8, "3", "2024-05-01", "2024-05-02T00:00:00Z", advisory="X-1",
        )
    ]  # fmt: skip


def test_an_advisory_with_a_vulnerability_without_a_cve(tmp_path: Path) -> None:
    """It is reported with its place, and those after it are read."""
    document = advisory()
    document["vulnerabilities"].insert(0, {"title": "no number yet"})
    broken, entry = read(written(tmp_path, document))[2]
    assert isinstance(broken, Broken)
    assert broken.where == "X-1 vulnerabilities[0]"
    assert isinstance(entry, Entry)
    assert entry.cve == "CVE-2024-0001"


def test_the_last_affected_version_of_an_advisory(tmp_path: Path) -> None:
    """It is affected; whether others are is unknown, and not that they are unaffected."""
    document = advisory()
    (vulnerability,) = document["vulnerabilities"]
    vulnerability["product_status"] = {"last_affected": ["P2"], "first_affected": ["absent"]}
    (entry,) = read(written(tmp_path, document))[2]
    assert entry.affects == (
        Affects("Trane", "Tracer SC", (Range("4.4", "4.4", through=True),), (), "last affected: 4.4"),
    )


def test_a_product_that_an_advisory_does_not_name(tmp_path: Path) -> None:
    """The entry reports that a product is left out: one outside the tree has neither a vendor nor a name."""
    document = advisory()
    document["product_tree"]["full_product_names"] = [{"product_id": "G1", "name": "Gateway 1.0"}]
    (whole,) = read(written(tmp_path, document))[2]
    document["vulnerabilities"][0]["product_status"]["known_affected"].append("G1")
    (entry,) = read(written(tmp_path, document))[2]
    assert (whole.cut, entry.cut, entry.affects) == (False, True, whole.affects)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<= 5.9.8", Range(end="5.9.8", through=True)),
        ("<5.3", Range(end="5.3")),
        (">=1.0", Range("1.0")),
        ("V3.5.5", Range("V3.5.5", "V3.5.5", through=True)),
        ("vers:all/*", Range()),
        ("vers:generic/>=1.0|<1.4", Range("1.0", "1.4")),
        ("vers:generic/>1.0|<=1.4", Range("1.0", "1.4", after=True, through=True)),
        ("vers:generic/<1.4|<1.5", "vers:generic/<1.4|<1.5"),
        ("all versions before March", "all versions before March"),
    ],
)
def test_ranges_of_advisories(text: str, expected: Range | str) -> None:
    assert csaf.version_of(text) == expected


def test_cpe_names() -> None:
    """Escapes are removed, an update is part of the version."""
    assert parse_cpe(r"cpe:2.3:o:cisco:ios:15.2\(7\)e3:*:*:*:*:*:*:*") == Cpe("o", "cisco", "ios", "15.2(7)e3")
    assert parse_cpe("cpe:2.3:a:mitel:micollab:9.8:sp1:*:*:*:*:*:*").version == "9.8 sp1"
    for text in ("", "cpe:2.3:o:cisco", "cpe:2.3:x:a:b:c:d:*:*:*:*:*:*", "cpe:2.3:o:::1:*:*:*:*:*:*:*"):
        with pytest.raises(ValueError, match="expected a CPE"):
            parse_cpe(text)


@pytest.mark.parametrize("text", ["", "hello", "{}", "[]", "a,b,c\n1,2,3\n", '{"vulnerabilities": 3}', "\x00\x01\x02"])
def test_what_is_no_feed_is_reported(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable):
        read(written(tmp_path, text))
