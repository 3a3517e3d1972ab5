"""The shipped vulnerabilities: every entry is tested with its examples, every fault is reported with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.curated import Vulnerability, load_curated
from sensor.posture.vulnerabilities.match_curated import CuratedIndex
from tests.golden import Golden

ENTRIES = load_curated()
CLAIM = {"attribute": "firmware", "observation": "sip.user_agent", "family": "sip"}
GOOD = """\
vulnerabilities:
  - cve: CVE-2024-0001
    title: Something
    vendor: Axis
    product: 'P32'
    affected: [{before: '9.80.69'}]
    basis: record
    advice: Install it.
    examples:
      - {model: P3245, firmware: '9.80.3', is: affected}
      - {model: P3245, firmware: '9.80.70', is: not affected}
"""
# Verdicts of examples that the data names in other words.
EXPECTED: dict[str, list[str]] = {"other": []}


def device(entry: Vulnerability, number: int) -> Asset:
    """The device of an example, whose firmware was observed in a packet."""
    one = entry.examples[number]
    kind = entry.types[0] if entry.types else "unknown"
    proof = ({**CLAIM, "value": one.firmware},) if one.firmware else ()
    return Asset("dev-1", one.vendor or entry.vendors[0], one.model, kind, one.os, one.firmware, proof)


@pytest.mark.parametrize(
    "entry", [one for one in ENTRIES if one.examples], ids=lambda entry: f"{entry.cve}-{entry.product}"
)
def test_examples(entry: Vulnerability) -> None:
    """Each example has its expected verdict; without an observed version the verdict is never "affected"."""
    index = CuratedIndex([entry])
    assert entry.examples
    for number, example in enumerate(entry.examples):
        asset = device(entry, number)
        found = [finding.verdict.value for finding in index.findings(asset, asset.trouble)]
        assert found == EXPECTED.get(example.verdict, [example.verdict]), example
        for bare in (asset._replace(proof=()), asset._replace(firmware="", proof=()), asset._replace(contested=True)):
            assert {finding.verdict.value for finding in index.findings(bare, bare.trouble)} <= {"unknown"}


@pytest.mark.parametrize(
    "entry", [one for one in ENTRIES if not one.ranges], ids=lambda entry: f"{entry.cve}-{entry.product}"
)
def test_an_entry_without_a_record_never_reports_affected(entry: Vulnerability) -> None:
    """An entry without a record is *unknown*, whatever version a device runs."""
    index = CuratedIndex([entry.model_copy(update={"product": "", "os": "", "types": []})])
    for firmware in ("", "1.0", "99.9"):
        asset = Asset("dev-1", entry.vendors[0], "X", firmware=firmware, proof=({**CLAIM, "value": firmware},))
        assert [finding.verdict.value for finding in index.findings(asset, asset.trouble)] == ["unknown"]


@pytest.mark.parametrize(
    ("cve", "kind", "model", "system", "reported"),
    [
        ("CVE-2018-0171", "switch", "WS-C3560-24TS", "IOS", True),
        ("CVE-2018-0171", "access_point", "AIR-CAP2602I-Q-K9", "IOS", False),
        ("CVE-2023-20265", "voip_phone", "CP-6911", "", True),
        ("CVE-2023-20265", "router", "8812", "IOS XR", False),
        ("CVE-2022-20968", "voip_phone", "CP-8841", "", True),
        ("CVE-2022-20968", "router", "8812", "IOS XR", False),
        ("CVE-2020-3161", "switch", "C8821X", "IOS XE", False),
    ],
)
def test_numbers_that_other_products_share(cve: str, kind: str, model: str, system: str, reported: bool) -> None:
    """A router of the 8000 series is not a phone of the 8800 series, an access point is not a Smart Install client."""
    index = CuratedIndex(ENTRIES)
    asset = Asset("dev-1", "Cisco", model, kind, system)
    found = {finding.cve for finding in index.findings(asset, asset.trouble)}
    assert (cve in found) is reported


def test_an_aruba_controller_is_no_access_point() -> None:
    """Both run ArubaOS with the same version numbers; the records are about access points."""
    proof = ({**CLAIM, "value": "8.10.0.6"},)
    found = {
        kind: {
            one.cve
            for one in CuratedIndex(ENTRIES).findings(
                Asset("dev-1", "Aruba", "7010", kind, "ArubaOS", "8.10.0.6", proof), ""
            )
        }
        for kind in ("access_point", "wireless_controller", "unknown")
    }
    assert "CVE-2023-45614" in found["access_point"]
    assert "CVE-2023-45614" not in found["wireless_controller"] | found["unknown"]


def test_what_there_is() -> None:
    """All entries are loaded; each has a remediation, exploited ones are marked as such."""
    assert len({entry.cve for entry in ENTRIES}) == 347
    assert sum(bool(entry.ranges) for entry in ENTRIES) > 150
    assert {entry.basis for entry in ENTRIES if entry.ranges} == {"record"}
    assert sum(entry.kev for entry in ENTRIES) > 60


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("vendor: Axis", "vendor: Axiss", "4:13"),
        ("basis: record", "basis: recalled", "2:5"),
        ("before: '9.80.69'", "before: see advisory", "2:5"),
        ("before: '9.80.69'", "before: '9', through: '9'", "6:16"),
        ("before: '9.80.69'", "all: true, before: '9'", "6:16"),
        ("product: 'P32'", "product: 'P32('", "5:14"),
        ("product: 'P32'", "types: [kamera]", "5:12"),
        ("product: 'P32'", "scheme: axes", "5:13"),
        ("is: not affected", "is: affected", "2:5"),
        ("advice: Install it.", "advise: Install it.", "8:5"),
        ("cve: CVE-2024-0001", "cve: 2024-0001", "2:10"),
    ],
)
def test_a_mistake_is_reported_with_its_place(golden: Golden, tmp_path: Path, old: str, new: str, place: str) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert len(load_curated(tmp_path)) == 1
    load_curated.cache_clear()
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DocumentErrors) as raised:
        load_curated(tmp_path)
    assert f"ours.yaml:{place}: " in str(raised.value)
    golden(str(raised.value))


def test_the_same_products_stand_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(DocumentErrors, match=r"b\.yaml:2:10: .*CVE-2024-0001"):
        load_curated(tmp_path)
