"""Mapping of names in feeds to those of fingerprints: vendors, operating systems, models."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.match_curated import CuratedIndex
from sensor.posture.vulnerabilities.names import load_names

HOSTILE = (
    "A" * 256,
    "1" * 256,
    "LaserJet " * 28,
    "-" * 256,
    "DS-2CD" * 42,
    "GXP1" * 64,
    "M4" * 128,
    "( " * 128,
    "\u202e" * 256,
)


@pytest.mark.parametrize(
    ("vendor", "model", "product", "likeness"),
    [
        ("Cisco", "CP-8841 IP Phone 8841", "ip_phone_8841", "SAME"),
        ("Yealink", "SIP-T46S", "sip-t46s", "SAME"),
        ("Yealink", "SIP-T46S", "t46s", "SAME"),
        ("Poly", "VVX 411", "vvx_411", "SAME"),
        ("HP", "HP Officejet Pro 8620", "officejet_pro_8620", "SAME"),
        ("HP", "HP Officejet Pro 8620", "officejet_pro_8620_a7f65a", "VARIANT"),
        ("D-Link", "DIR-859", "dir-859_a3", "VARIANT"),
        ("Aruba", "515", "ap-515", "VARIANT"),
        ("Aruba", "515", "515_access_point", "SAME"),
        ("Hikvision", "DS-2CD2143G0-I", "ds-2cd2143g0-is", "OTHER"),
        ("Hikvision", "DS-2CD2143G0-I", "ds-2cd2143g2-i", "OTHER"),
        ("Grandstream", "GXP2170", "gxp2160", "OTHER"),
        ("Sonos", "One", "one_sl", "OTHER"),
        ("Cisco", "IP Phone", "ip_phone_8841", "OTHER"),
        ("Cisco", "", "", "OTHER"),
    ],
)
def test_models(vendor: str, model: str, product: str, likeness: str) -> None:
    """Equal words are the same model, additional words a variant; similar names are other models."""
    assert load_names().likeness(Asset("dev-1", vendor, model), product).name == likeness


def test_vendors() -> None:
    """Own names, spellings of the vocabulary, and names of the table are mapped."""
    names = load_names()
    assert {"axis", "axiscommunications"} <= set(names.vendors("Axis"))
    assert {"dahua", "dahuasecurity"} <= set(names.vendors("Dahua"))
    assert names.vendors("Nobody & Sons") == ("nobodysons",)
    assert names.vendors("") == ()
    assert (names.scheme("Axis"), names.scheme("Nobody & Sons")) == ("axis", "dotted")


@pytest.mark.parametrize(
    ("asset", "systems"),
    [
        (Asset("1", "Cisco", "C9300", "switch", "Cisco IOS XE"), ["ios_xe"]),
        (Asset("1", "Cisco", "WS-C3560", "switch", "IOS"), ["ios"]),
        (Asset("1", "Cisco", "NCS-5508", "router", "IOS XR"), []),
        (Asset("1", "MikroTik", "RB450G", "router", "RouterOS"), ["routeros"]),
        (Asset("1", "Axis", "P3245-V", "camera"), ["axis_os"]),
        (Asset("1", "QNAP", "TS-453D", "nas"), ["qts", "quts_hero"]),
        (Asset("1", "HP", "LaserJet MFP E87640", "printer"), ["futuresmart_3"]),
        (Asset("1", "HP", "OfficeJet 5200", "printer"), []),
        (Asset("1", "", "", ""), []),
    ],
)
def test_systems(asset: Asset, systems: list[str]) -> None:
    assert [one.cpe[0] for one in load_names().systems(asset)] == systems


def test_an_unknown_vendor_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cpe_names.yaml").write_text("vendors:\n  Axis: {}\n  Axxis: {cpe: [axis]}\n", encoding="utf-8")
    with pytest.raises(DocumentErrors, match=r"cpe_names\.yaml:3:3: .*'Axxis'.*'Axis'"):
        load_names(tmp_path)


def test_no_text_of_a_peer_takes_long() -> None:
    """All patterns of all entries are fast on hostile texts."""
    index, names = CuratedIndex(load_curated()), load_names()
    vendors = sorted({vendor for entry in load_curated() for vendor in entry.vendors})
    began = time.process_time()
    for text in HOSTILE:
        for vendor in vendors:
            asset = Asset("1", vendor, text, os=text, firmware=text, proof=({},))
            list(index.findings(asset, asset.trouble))
            names.systems(asset)
            names.likeness(asset, text)
    assert time.process_time() - began < 3
