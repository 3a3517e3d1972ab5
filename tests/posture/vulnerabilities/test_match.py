"""Matching of devices with imported vulnerabilities: models, observed versions, and what cannot be determined."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensor.posture.vulnerabilities.asset import Asset, asset_of
from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.database import number_of, open_to_read, open_to_write, transaction
from sensor.posture.vulnerabilities.importer import Origin, import_feed
from sensor.posture.vulnerabilities.match import Matcher
from sensor.posture.vulnerabilities.names import load_names
from tests.golden import Golden
from tests.posture.vulnerabilities.feeds import CVE_RECORD, cpe_match, nvd_cve, nvd_feed

CLAIM = {"attribute": "firmware", "observation": "lldp.system_description", "family": "lldp"}
NVD = nvd_feed(
    [
        nvd_cve(
            "CVE-2024-1001",
            [cpe_match("o:hikvision:ds-2cd2426g2-i_firmware", versionEndExcluding="5.5.800")],
            hardware=["h:hikvision:ds-2cd2426g2-i"],
        ),
        nvd_cve("CVE-2024-1002", [cpe_match("o:hikvision:ds-2cd2426g2-i_firmware", version="-")]),
        nvd_cve(
            "CVE-2024-1003", [cpe_match("o:axis:axis_os", versionStartIncluding="9.80", versionEndExcluding="9.80.69")]
        ),
        nvd_cve(
            "CVE-2024-1004", [cpe_match("o:axis:axis_os", versionEndExcluding="9.80.69")], hardware=["h:axis:m3024-lve"]
        ),
        nvd_cve("CVE-2024-1005", [cpe_match("o:cisco:ios", version="15.2\\(7\\)e3")]),
        nvd_cve("CVE-2024-1006", [cpe_match("o:dlink:dir-859_a3_firmware")]),
        nvd_cve("CVE-2024-1007", [cpe_match("o:cisco:ip_phone_7841_firmware", versionEndExcluding="14.2\\(1\\)")]),
    ]
)


def asset(vendor: str, model: str, firmware: str = "", **more: Any) -> Asset:
    """A device whose firmware was observed in a packet."""
    return Asset(
        "dev-1", vendor, model, firmware=firmware, proof=({**CLAIM, "value": firmware},) if firmware else (), **more
    )


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    base = open_to_write(tmp_path)
    for name, content in (("nvd", NVD), ("cve", CVE_RECORD)):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
        assert not import_feed(base, tmp_path / name, Origin(name, ""), "2026-11-27").trouble
    yield base
    base.close()


@pytest.fixture
def reading(base: sqlite3.Connection, tmp_path: Path) -> Iterator[sqlite3.Connection | None]:
    """The imported vulnerabilities, opened for reading."""
    with closing(open_to_read(tmp_path)) as opened:
        yield opened


@pytest.fixture
def text(reading: sqlite3.Connection) -> Callable[[Asset], dict[str, str]]:
    """CVE → verdict, of the imported vulnerabilities."""
    matcher = Matcher((), load_names(), reading)
    return lambda one: {cve: finding.verdict.value for cve, finding in matcher.findings(one).items()}


def test_a_model_by_its_words(text: Callable[[Asset], dict[str, str]]) -> None:
    """A model matches in any spelling, with the observed version; a similar model does not."""
    for model in ("DS-2CD2426G2-I", "ds 2cd2426g2 i", "Hikvision DS-2CD2426G2-I", "DS-2CD2426G2-I Network Camera"):
        assert text(asset("Hikvision", model, "V5.5.82build 190220")) == {
            "CVE-2024-1001": "affected",
            "CVE-2024-1002": "unknown",
        }
    assert text(asset("Hikvision", "DS-2CD2426G2-I", "V5.7.3 build 220112"))["CVE-2024-1001"] == "not affected"
    assert text(asset("Hikvision", "DS-2CD2426G2-IU", "V5.5.82build 190220")) == {}
    assert text(asset("Dahua", "DS-2CD2426G2-I", "V5.5.82build 190220")) == {}
    assert text(asset("", "", "")) == {}


def test_many_variants_of_a_model(tmp_path: Path) -> None:
    """All of them may be the device, and none is left out."""
    names = [f"s7-1500_cpu_{number}_firmware" for number in range(2000, 2600)]
    feed = [nvd_cve(f"CVE-2024-{name[12:16]}", [cpe_match(f"o:siemens:{name}")]) for name in names]
    with closing(open_to_write(tmp_path)) as base:
        (tmp_path / "nvd").write_text(json.dumps(nvd_feed(feed)), encoding="utf-8")
        assert not import_feed(base, tmp_path / "nvd", Origin("nvd", ""), "2026-11-27").trouble
        matcher = Matcher((), load_names(), base)
        assert len(matcher.findings(asset("Siemens", "S7-1500", "2.9"))) == 600
        assert set(matcher.findings(asset("Siemens", "S7-1500 CPU 2599", "2.9"))) == {"CVE-2024-2599"}


def test_a_product_with_many_cves(base: sqlite3.Connection) -> None:
    """All of its rules are compared: a kernel has more of them than any other product."""
    device = asset("D-Link", "DIR-859 A3")
    before = len(Matcher((), load_names(), base).findings(device))
    (product,) = base.execute("SELECT id FROM products WHERE name = 'dir-859_a3'").fetchone()
    rules = [(product, number_of(f"CVE-2001-{number}"), 0, 0, b"[]", b"[]", "") for number in range(10_000, 30_001)]
    with transaction(base):
        base.executemany("INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?)", rules)
    assert len(Matcher((), load_names(), base).findings(device)) == before + len(rules)


def test_no_version_no_verdict(text: Callable[[Asset], dict[str, str]]) -> None:
    """Without an observed version, or with contradicting ones, the verdict is "unknown"."""
    reported = asset("Hikvision", "DS-2CD2426G2-I", "V5.5.82build 190220")
    for bare in (reported._replace(proof=()), reported._replace(contested=True), asset("Hikvision", "DS-2CD2426G2-I")):
        assert set(text(bare).values()) == {"unknown"}


def test_a_system_that_many_models_run(text: Callable[[Asset], dict[str, str]]) -> None:
    """An operating system matches by release track; if the record lists models, only on these."""
    assert text(asset("Axis", "P3245-LV", "9.80.3")) == {"CVE-2024-1003": "affected", "CVE-2024-1004": "unknown"}
    assert text(asset("Axis", "M3024-LVE", "9.80.3")) == {"CVE-2024-1003": "affected", "CVE-2024-1004": "affected"}
    assert text(asset("Axis", "P3245-LV", "10.12.130"))["CVE-2024-1003"] == "unknown"
    assert text(asset("Cisco", "C9300", "15.2(7)E3", os="Cisco IOS")) == {"CVE-2024-1005": "affected"}
    assert text(asset("Cisco", "C9300", "15.2(7)E4", os="Cisco IOS")) == {"CVE-2024-1005": "not affected"}
    assert text(asset("Cisco", "C9300", "17.3.4a", os="Cisco IOS XE")) == {}


def test_a_variant_cannot_be_reported(text: Callable[[Asset], dict[str, str]]) -> None:
    """A record about DIR-859 A3 is "unknown" for a DIR-859; filler words are ignored."""
    assert text(asset("D-Link", "DIR-859", "1.05")) == {"CVE-2024-1006": "unknown"}
    assert text(asset("D-Link", "DIR-859 A3", "1.05")) == {"CVE-2024-1006": "affected"}
    assert text(asset("D-Link", "DIR-645", "1.05")) == {}
    assert text(asset("Cisco", "CP-7841", "12.5.1")) == {"CVE-2024-1007": "affected"}


def test_texts_about_versions(text: Callable[[Asset], dict[str, str]]) -> None:
    """Version texts of a record are shown but not evaluated."""
    assert text(asset("Mitel", "6970", "5.1.1")) == {"CVE-2024-41710": "unknown"}
    assert text(asset("Mitel", "6867i", "6.3.0.1020")) == {"CVE-2024-41710": "affected"}
    assert text(asset("Mitel", "6905", "9.9")) == {"CVE-2024-41710": "affected"}


def test_two_sources(golden: Golden, reading: sqlite3.Connection) -> None:
    """If only one source is certain, its verdict is used and its name shown."""
    phone = asset("Mitel", "6867i", "6.3.0.1020")
    ours = Matcher(load_curated(), load_names()).findings(phone)["CVE-2024-41710"]
    assert (ours.verdict.value, ours.source) == ("unknown", "curated")
    both = Matcher(load_curated(), load_names(), reading).findings(phone)["CVE-2024-41710"]
    assert (both.verdict.value, both.source) == ("affected", "cve")
    golden(both.reason)


def test_one_cve_among_many_devices(reading: sqlite3.Connection) -> None:
    """The result equals that of evaluating each device on all CVEs."""
    matcher = Matcher(load_curated(), load_names(), reading)
    models = [
        ("Axis", "P3245-LV", "9.80.3"),
        ("Axis", "M3024-LVE", "9.80.3"),
        ("Mitel", "6867i", "6.3.0.1020"),
        ("D-Link", "DIR-859", "1.05"),
        ("HP", "X", "1"),
    ]
    assets = [asset(*one)._replace(id=f"dev-{number}") for number, one in enumerate(models)]
    for cve in ("CVE-2024-1003", "CVE-2024-1004", "CVE-2024-1006", "CVE-2024-41710", "CVE-2024-0067", "CVE-1999-0001"):
        each = {one.id: matcher.findings(one)[cve] for one in assets if cve in matcher.findings(one)}
        assert {one.id: finding for one, finding in matcher.of_cve(cve, assets)} == each


def test_equal_devices_are_evaluated_once(text: Callable[[Asset], dict[str, str]], reading: sqlite3.Connection) -> None:
    """Devices equal each other if their versions are known in the same way: of one, no packet contained it."""
    matcher, seen = Matcher(load_curated(), load_names(), reading), asset("Mitel", "6867i", "6.3.0.1020")
    assert matcher.findings(seen._replace(id="dev-1")) is matcher.findings(seen._replace(id="dev-2"))
    assert text(seen)["CVE-2024-41710"] == "affected"
    assert text(seen._replace(proof=()))["CVE-2024-41710"] == "unknown"
    assert text(seen._replace(contested=True))["CVE-2024-41710"] == "unknown"
    assert text(seen)["CVE-2024-41710"] == "affected"


def test_what_a_record_of_a_device_reports(golden: Golden) -> None:
    """Only observed versions are used: values set by a user, and claims for another version, do not count."""
    device = {
        "id": "dev-1",
        "vendor": "Axis",
        "model": "P3245-LV\x1b[31m",
        "type": "camera",
        "firmware": "9.80.3",
        "contested": ["model"],
    }
    packet = {**CLAIM, "value": "9.80.3"}
    person = {**CLAIM, "value": "9.80.3", "family": "operator"}
    other = {**CLAIM, "value": "9.70"}
    assert asset_of(device, [packet]).trouble == ""
    assert "\x1b" not in asset_of(device, [packet]).product
    for evidence in ([person], [other], [], ["x"]):
        golden(asset_of(device, evidence).trouble)
    golden(asset_of({**device, "contested": ["firmware"]}, [packet]).trouble)
    golden(asset_of({"id": "dev-2"}).trouble)
