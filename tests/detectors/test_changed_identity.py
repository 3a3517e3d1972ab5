"""Devices that become another one under the same MAC: the impostor, similar benign changes, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.device import Device
from sensor.core.time_units import HOUR, SECOND
from tests.detectors.device_stories import HOST, change, claim, made
from tests.detectors.stories import World, detector, reviewed
from tests.golden import Golden

CHANGED = "device.changed_identity"
PRINTER = claim("type", "printer"), claim("type", "printer", "snmp")


def impostor(first: float = 5) -> Device:
    """Evidence of a computer under the MAC of a printer, whose type is still printer."""
    return made(
        *PRINTER,
        claim("type", "workstation", "smb", first=first),
        claim("type", "workstation", "dhcp", first=first),
        claim("os", "Windows 11", "smb", first=first),
    )


def test_a_computer_under_the_mac_of_a_printer_is_reported(golden: Golden) -> None:
    """The alert contains both values, their evidence and their age, although the printer's evidence has more
    confidence.
    """
    [alert] = reviewed(detector(CHANGED), [change(6, "changed", impostor(), os=("", "Windows 11"))])
    assert (alert.severity, alert.numbers["known_h"]) == (Severity.medium, 6)
    assert "printer → workstation" in alert.summary
    golden(alert.why[0], "0.99")


def test_what_is_reported_as_changed_counts_too() -> None:
    """A camera of another vendor under a printer's MAC is low, as it is no computer."""
    now = made(claim("type", "camera", first=30), claim("vendor", "Axis", first=30))
    [alert] = reviewed(
        detector(CHANGED), [change(31, "changed", now, type=("printer", "camera"), vendor=("HP", "Axis"))]
    )
    assert alert.severity == Severity.low
    assert len(alert.why) == 3


@pytest.mark.parametrize(
    ("device", "fields"),
    [
        (made(claim("type", "camera", first=5)), {"type": ("iot", "camera")}),
        (made(claim("type", "nvr", first=5)), {"type": ("workstation", "nvr")}),
        (
            made(claim("vendor", "Hewlett Packard Enterprise", first=5)),
            {"vendor": ("Hewlett-Packard", "Hewlett Packard Enterprise")},
        ),
        (
            made(claim("type", "workstation"), claim("os", "Ubuntu 24.04", first=5)),
            {"os": ("Windows 11", "Ubuntu 24.04")},
        ),
        (made(claim("type", "printer"), claim("os", "Windows 11", first=5)), {"os": ("Windows 10", "Windows 11")}),
        (made(claim("type", "camera")), {"type": ("printer", "camera")}),
        (made(claim("type", "camera", confidence=0.6, first=5)), {"type": ("printer", "camera")}),
        (made(claim("type", "camera", "hostname", first=5)), {"type": ("printer", "camera")}),
        (made(claim("type", "camera", "operator", first=5)), {"type": ("printer", "camera")}),
        (made(claim("type", "camera", first=5), mac="da:a1:19:00:00:01"), {"type": ("printer", "camera")}),
        (made(claim("type", "camera", first=5), key="ip:10.0.2.5"), {"type": ("printer", "camera")}),
        (
            made(
                claim("type", "router"),
                claim("type", "workstation", "smb", first=5),
                claim("type", "workstation", "http", first=5),
            ),
            {"os": ("", "Windows 11")},
        ),
    ],
    ids=(
        "narrower,on a PC,written in full,dual boot,new release,known before,unsure,a name,the "
        "operator,randomised,no MAC,behind a router"
    ).split(","),
)
def test_what_is_no_other_machine_is_quiet(device: Device, fields: dict[str, tuple[str, str]]) -> None:
    """More precise values, vendor names in full, operating systems of computers, weak evidence, values set by the
    operator, and devices without a MAC raise no alert.
    """
    assert reviewed(detector(CHANGED), [change(6, "changed", device, **fields)]) == []


def test_evidence_that_comes_bit_by_bit_adds_up() -> None:
    """Evidence that arrives without a device change is evaluated every minute while the device is active."""
    world = World()
    doubt = made(*PRINTER, claim("type", "workstation", "dhcp", confidence=0.5, first=5))
    unit, change_ = detector(CHANGED, world), change(5, "changed", doubt, os=("", "Windows 11"))
    assert reviewed(unit, [change_]) == []
    world.devices[parse(HOST)] = doubt
    assert list(unit.tick(change_.ts + SECOND)) == []
    world.devices[parse(HOST)] = impostor()
    assert list(unit.tick(change_.ts + 30 * SECOND)) == []
    [alert] = unit.tick(change_.ts + 90 * SECOND)
    assert (alert.ts, alert.severity) == (change_.ts + 90 * SECOND, Severity.medium)
    assert [list(unit.tick(change_.ts + n * 60 * SECOND)) for n in range(3, 9)] == [[]] * 6
    del world.devices[parse(HOST)]
    assert (list(unit.tick(change_.ts + HOUR)), len(unit._suspects)) == ([], 0)


def test_the_first_hour_is_quiet() -> None:
    """Changes in a device's first hour raise no alert."""
    assert reviewed(detector(CHANGED), [change(0.5, "changed", impostor(0.3), os=("", "Windows 11"))]) == []


def test_one_contradiction_is_reported_once() -> None:
    """One contradiction is reported once a day, whatever other changes the device has."""
    reported = [change(6 + n, "address_changed", impostor()) for n in range(10)]
    assert len(reviewed(detector(CHANGED), reported)) == 1
