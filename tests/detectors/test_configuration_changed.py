"""Configuration changes: a device on another switch port, similar benign changes, repetition."""

from __future__ import annotations

import pytest

from sensor.config import load_config
from sensor.core.addresses import parse_mac
from sensor.core.alert import Severity
from sensor.core.packet import Packet
from sensor.core.time_units import HOUR
from sensor.dissectors.lldp import LldpAnnouncement
from tests.detectors.device_stories import MAC, change, claim, made
from tests.detectors.stories import START, World, detector, inspected, reviewed

CONFIGURATION = "device.configuration_changed"


class Knowing(World):
    """A context with one switch, known by its MAC."""

    def device(self, subject):
        return made(claim("type", "switch"), name="sw-1") if subject.mac else None


def announced(hours: float, **facts):
    """An announcement of the switch, in hours after it was first seen."""
    reported = {
        "chassis": MAC,
        "port": "Gi0/1",
        "name": "sw-1",
        "description": "",
        "capabilities": ("bridge",),
        "addresses": (),
        "vlan": 10,
    } | facts
    return LldpAnnouncement(Packet(ts=START + int(hours * HOUR), src_mac=parse_mac(MAC)), **reported)


def test_it_is_off_unless_switched_on() -> None:
    """The detector is disabled by default, as it is noisy."""
    assert not load_config(None).options(CONFIGURATION).enabled


def test_another_announcement_is_reported() -> None:
    """Each changed field is reported with its old and new value."""
    [alert] = inspected(
        detector(CONFIGURATION, Knowing()), [announced(1), announced(30, vlan=99, capabilities=("bridge", "router"))]
    )
    assert alert.why[:2] == ("capabilities bridge → bridge, router", "vlan 10 → 99")
    assert alert.severity == Severity.low


@pytest.mark.parametrize(
    ("now", "reported", "severity"),
    [
        ({"name": "HR-PC", "vlan": 10}, "name PRN → HR-PC", Severity.low),
        ({"name": "PRN", "vlan": 99}, "VLAN 10 → 99", Severity.low),
        (
            {"name": "PRN", "vlan": 10, "services": ("ipp/631", "ssh/22")},
            "services ipp/631 → ipp/631, ssh/22",
            Severity.info,
        ),
    ],
)
def test_what_a_device_shows_is_compared(now, reported: str, severity: Severity) -> None:
    """Changes of a device's name, VLAN and services are reported."""
    before = made(name="PRN", vlan=10, services=("ipp/631",))
    after = made(**({"services": ("ipp/631",)} | now))
    [alert] = reviewed(detector(CONFIGURATION), [change(1, "new", before), change(30, "changed", after)])
    assert (alert.why[0], alert.severity) == (reported, severity)


def test_what_passes_and_what_becomes_known_is_quiet() -> None:
    """TTL, power, another port, the first day, a name that was not known before, and a phone with a randomized MAC
    raise no alert.
    """
    unit = detector(CONFIGURATION, Knowing())
    assert (
        inspected(unit, [announced(1), announced(30, life_s=60, power_mw=7000), announced(31, port="Gi0/2", vlan=20)])
        == []
    )
    assert inspected(detector(CONFIGURATION, Knowing()), [announced(1), announced(2, vlan=99)]) == []
    unit = detector(CONFIGURATION)
    assert reviewed(unit, [change(1, "new", made()), change(30, "changed", made(name="PRN", vlan=10))]) == []
    phone = {"mac": "da:a1:19:00:00:01"}
    assert (
        reviewed(unit, [change(1, "new", made(name="a", **phone)), change(30, "changed", made(name="b", **phone))])
        == []
    )


def test_a_change_is_reported_once() -> None:
    """Later announcements with the new value raise no alert."""
    assert (
        len(
            inspected(
                detector(CONFIGURATION, Knowing()), [announced(1), *(announced(30 + n, vlan=99) for n in range(9))]
            )
        )
        == 1
    )
