"""Firmware changes: the downgrade, similar benign changes, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.packet import Packet
from sensor.core.time_units import HOUR
from sensor.dissectors.tftp import TftpRead
from tests.detectors.device_stories import HOST, change, claim, made
from tests.detectors.stories import START, detector, inspected, reviewed

FIRMWARE = "device.firmware_changed"


def runs(version: str, family: str = "snmp", *, first: float = 30, confidence: float = 0.9):
    return made(claim("type", "printer"), claim("firmware", version, family, first=first, confidence=confidence))


@pytest.mark.parametrize(
    ("old", "new", "way", "severity", "technique"),
    [
        ("2S7_2000.C03.012", "2S7_2000.C03.010", "downgrade", Severity.medium, "T1601.002"),
        ("2S7_2000.C03.010", "2S7_2000.C03.012", "upgrade", Severity.low, "T1601"),
        ("V5.9", "V5.10", "upgrade", Severity.low, "T1601"),
        ("20240101", "build 77", "change", Severity.low, "T1601"),
    ],
)
def test_another_version_is_reported(old: str, new: str, way: str, severity: Severity, technique: str) -> None:
    """A newer, older or incomparable version is reported; an older one is more severe."""
    [alert] = reviewed(detector(FIRMWARE), [change(31, "changed", runs(new), firmware=(old, new))])
    assert (alert.numbers["direction"], alert.severity, alert.techniques[0].technique) == (way, severity, technique)
    assert alert.summary == f"firmware {way} of printer (10.0.2.5): {old} → {new}"


def test_the_file_it_fetched_before_is_named() -> None:
    """The alert contains the file downloaded before, its age, and its server as target."""
    unit = detector(FIRMWARE)
    packet = Packet(
        ts=START + 31 * HOUR - 90 * 10**9, src=parse(HOST), dst=parse("10.0.1.7"), sport=2000, dport=69, proto=17
    )
    assert inspected(unit, [TftpRead(packet, "images/printer-2.1.bin", "octet", ())]) == []
    [alert] = reviewed(unit, [change(31, "changed", runs("2.1"), firmware=("2.0", "2.1"))])
    assert all(word in alert.why[1] for word in ("images/printer-2.1.bin", "10.0.1.7", "90 s"))
    assert alert.target is not None
    assert alert.target.address == parse("10.0.1.7")


@pytest.mark.parametrize(
    ("device", "old"),
    [
        (runs("2.1.0"), "2.1"),
        (runs("V2.1"), "2.1"),
        (runs("2.1", first=0), "2.0"),
        (runs("2.1", confidence=0.9, family="operator"), "2.0"),
        (runs("2.1"), ""),
    ],
    ids=["written longer", "written with a letter", "known all along", "the operator", "first known"],
)
def test_what_is_no_other_version_is_quiet(device, old: str) -> None:
    """Other spellings of a version, and a version that becomes known, raise no alert."""
    assert reviewed(detector(FIRMWARE), [change(31, "changed", device, firmware=(old, device.value("firmware")))]) == []


def test_two_protocols_that_disagree_are_quiet() -> None:
    """Different versions over SNMP and mDNS are not changes of each other."""
    reported = [
        change(0, "new", runs("7.1 (boot)", "snmp")),
        change(31, "changed", runs("2.1", "mdns"), firmware=("7.1 (boot)", "2.1")),
    ]
    assert reviewed(detector(FIRMWARE), reported) == []


def test_a_version_is_reported_once() -> None:
    """Later device changes do not report a version again."""
    reported = [
        change(31, "changed", runs("2.1"), firmware=("2.0", "2.1")),
        *(change(32 + n, "address_changed", runs("2.1")) for n in range(5)),
    ]
    assert len(reviewed(detector(FIRMWARE), reported)) == 1
