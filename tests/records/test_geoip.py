"""Country and autonomous system of connections, from databases that the test writes."""

from __future__ import annotations

import ipaddress
import sys
from collections import Counter
from pathlib import Path

import pytest

from sensor.config import Config, Records
from sensor.delivery.traffic import ecs, record_of
from sensor.records.geoip import MISSING, AddressLocation, GeoIP
from sensor.records.summary import summary
from tests.records.kit_records import replayed, rows
from tests.records.mmdb import database

pytestmark = pytest.mark.usefixtures("queries_within")

pytest.importorskip("maxminddb", reason="needs the extra geoip")

NET = "203.0.113.0/24"
COUNTRY = {NET: {"country": {"iso_code": "NL"}}, "2001:db8::/32": {"country": {"iso_code": "DE"}}}
SYSTEM = {
    NET: {"autonomous_system_number": 64_500, "autonomous_system_organization": "Example Networks"},
    "198.51.100.0/24": {"autonomous_system_number": 64_501},
}
BOTH = AddressLocation("NL", 64_500, "Example Networks")


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    for name, networks in (("country.mmdb", COUNTRY), ("asn.mmdb", SYSTEM)):
        (tmp_path / name).write_bytes(database(networks))
    return [str(tmp_path / "country.mmdb"), str(tmp_path / "asn.mmdb")]


def opened(paths: list[str], complaints: list[str] | None = None) -> GeoIP:
    made = GeoIP(paths, (complaints if complaints is not None else []).append)
    made.refresh()
    return made


def test_several_databases_complete_each_other(paths: list[str]) -> None:
    """An address in none of them is null, such as a private one."""
    found = opened(paths)
    assert found.place("203.0.113.66") == BOTH
    assert found.place("198.51.100.1") == AddressLocation(None, 64_501, None)
    assert found.place("2001:db8::1") == AddressLocation("DE")
    assert [found.place(ip) for ip in ("10.0.0.5", "203.0.114.1", "fe80::1")] == [AddressLocation()] * 3


@pytest.mark.parametrize("record_size", [24, 28, 32])
@pytest.mark.parametrize("ip_version", [4, 6])
def test_all_layouts_of_a_database(record_size: int, ip_version: int, tmp_path: Path) -> None:
    """A database without IPv6 has no such address, and is not damaged."""
    path, complaints = tmp_path / "a.mmdb", list[str]()
    path.write_bytes(database(SYSTEM, record_size=record_size, ip_version=ip_version))
    found = opened([str(path)], complaints)
    assert found.place("203.0.113.255") == BOTH._replace(country=None)
    assert (found.place("2001:db8::1"), found.place("203.0.112.255"), complaints) == (
        AddressLocation(),
        AddressLocation(),
        [],
    )


def test_connections_have_both_ends(root: Path, tmp_path: Path) -> None:
    """Rows of networks in the database have values, other rows do not, and no row is lost."""
    office = root / "pcaps" / "office.pcapng"
    replayed(tmp_path / "before", office)
    before = rows(tmp_path / "before", "conn")
    assert {row["dst_country"] for row in before} == {None}
    servers = Counter(row["dst_ip"] for row in before if row["direction"] == "outbound" and ":" not in row["dst_ip"])
    ((server, count),) = servers.most_common(1)
    (tmp_path / "a.mmdb").write_bytes(database({f"{server}/32": COUNTRY[NET] | SYSTEM[NET]}))
    replayed(tmp_path / "after", office, config=Config(records=Records(geoip=[tmp_path / "a.mmdb"])))
    after = rows(tmp_path / "after", "conn")
    assert len(after) == len(before)
    known = {row["dst_ip"] for row in after if (row["dst_country"], row["dst_asn"], row["dst_as_org"]) == BOTH}
    assert known == {server}
    assert sum(row["dst_asn"] == BOTH.asn for row in after) == sum(row["dst_ip"] == server for row in before) >= count
    assert {row["src_country"] for row in after if row["src_ip"] != server} == {None}


def test_a_database_that_is_replaced_counts_from_then_on(paths: list[str]) -> None:
    found = opened(paths)
    assert found.place("203.0.113.66").country == "NL"
    fresh = Path(paths[0]).with_suffix(".new")
    fresh.write_bytes(database({NET: {"country": {"iso_code": "BE"}}}))
    fresh.replace(paths[0])
    found.refresh()
    assert found.place("203.0.113.66") == BOTH._replace(country="BE")


DAMAGED = [b"", b"no database", database(COUNTRY)[:-20], database(COUNTRY).replace(b"country", b"\xff" * 7)]


@pytest.mark.parametrize("content", [None, *DAMAGED])
def test_a_database_that_cannot_be_used_is_reported_once(content: bytes | None, paths: list[str]) -> None:
    """The other databases are used."""
    Path(paths[0]).unlink()
    if content is not None:
        Path(paths[0]).write_bytes(content)
    complaints = list[str]()
    found = opened(paths, complaints)
    found.refresh()
    assert [found.place("203.0.113.66"), found.place("203.0.113.67")] == [BOTH._replace(country=None)] * 2
    assert [complaint.partition(":")[0] for complaint in complaints] == [paths[0]]


def test_values_of_other_types_are_unknown_and_texts_are_clean(tmp_path: Path) -> None:
    """A foreign database writes neither control characters nor wrong types to the records."""
    path, complaints = tmp_path / "a.mmdb", list[str]()
    odd = {
        "10.0.0.0/24": {"country": "NL", "autonomous_system_number": "64500", "autonomous_system_organization": 7},
        "10.0.1.0/24": {"country": {"iso_code": "nl\x1b"}, "autonomous_system_number": True},
        "10.0.2.0/24": ["NL"],
        "10.0.3.0/24": {"autonomous_system_organization": "\x1b[31mred\u202e" + "x" * 150},
    }
    path.write_bytes(database(odd))
    found = opened([str(path)], complaints)
    assert [found.place(f"10.0.{net}.1") for net in range(3)] == [AddressLocation()] * 3
    org = found.place("10.0.3.1").as_org or ""
    assert (org.isprintable(), len(org) <= 128, "red" in org, complaints) == (True, True, True, [])


def test_without_the_package(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are written, and the message names what to install."""
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    complaints = list[str]()
    assert opened(paths, complaints).place("203.0.113.66") == AddressLocation()
    assert [complaint.endswith(MISSING) for complaint in complaints] == [True, True]


def test_outputs_and_search_show_them(root: Path, tmp_path: Path) -> None:
    """The fields of the Elastic Common Schema and the line of a row have the values."""
    (tmp_path / "a.mmdb").write_bytes(database({"0.0.0.0/1": COUNTRY[NET] | SYSTEM[NET]}))
    config = Config(records=Records(geoip=[tmp_path / "a.mmdb"]))
    replayed(tmp_path / "records", root / "pcaps" / "office.pcapng", config=config)
    row = next(row for row in rows(tmp_path / "records", "conn") if row["dst_country"])
    assert ipaddress.ip_address(row["dst_ip"]) in ipaddress.ip_network("0.0.0.0/1")
    text = summary({"table": "conn", **row})
    assert [text.find(part) >= 0 for part in ("NL", "Example Networks")] == [True, True]
    row["ts"] = row["ts"].isoformat()
    destination = record_of("conn", row)["dst"]
    assert (destination["country"], destination["asn"], destination["as_org"]) == BOTH
    for field in (b'"country_iso_code":"NL"', b'"number":64500', b'"name":"Example Networks"'):
        assert field in ecs("conn", record_of("conn", row))
