"""Configuration that is another: the port that moved, its innocent twins, repetition."""

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
    """A world with one switch, known by its MAC."""

    def device(self, subject):
        return made(claim("type", "switch"), name="sw-1") if subject.mac else None


def announced(hours: float, **facts):
    """What the switch announces so many hours after it was first seen."""
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
    """Noisy by nature."""
    assert not load_config(None).options(CONFIGURATION).enabled


def test_another_announcement_is_reported() -> None:
    """Each field, as it was and as it is."""
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
    """Its name, its VLAN, its services."""
    before = made(name="PRN", vlan=10, services=("ipp/631",))
    after = made(**({"services": ("ipp/631",)} | now))
    [alert] = reviewed(detector(CONFIGURATION), [change(1, "new", before), change(30, "changed", after)])
    assert (alert.why[0], alert.severity) == (reported, severity)


def test_what_passes_and_what_becomes_known_is_quiet() -> None:
    """Time to live and power; another port; the first day; a name that was not known before; a phone with a randomised
    MAC.
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
    """The announcements after it are as the new one."""
    assert (
        len(
            inspected(
                detector(CONFIGURATION, Knowing()), [announced(1), *(announced(30 + n, vlan=99) for n in range(9))]
            )
        )
        == 1
    )
