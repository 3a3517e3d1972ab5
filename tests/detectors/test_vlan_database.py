"""VLAN lists replaced over VTP: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse_mac
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.stp import StpConfiguration
from sensor.dissectors.vtp import VtpMessage
from tests.detectors.stories import START, detector, inspected, one

SWITCH, OTHER, HOST = (parse_mac(f"02:00:5e:00:53:{n:02x}") for n in (1, 2, 0x66))


def message(at: float, mac: int, revision: int, code: str = "summary", domain: str = "campus") -> Event:
    return VtpMessage(packet(at, mac), code, domain, revision)


def packet(at: float, mac: int) -> Packet:
    return Packet(ts=START + int(at * SECOND), src_mac=mac)


def bridge(at: float, mac: int) -> Event:
    return StpConfiguration(packet(at, mac), "rstp", mac, 0x8000, 0, mac, 0x8000, 1, False, 0, "")


def reported(*events: Event) -> list[Alert]:
    return inspected(detector("impact.vlan_database"), list(events))


def test_a_host_replaces_the_list() -> None:
    """Summary and list with a higher revision are one alert: actor is the host, target the switch."""
    alert = one(reported(message(0, SWITCH, 41), message(300, HOST, 42), message(300, HOST, 42, "list")))
    assert (alert.actor.mac, alert.target and alert.target.mac) == (HOST, SWITCH)
    assert (alert.numbers["revision"], alert.severity, alert.techniques[0].technique) == (42, Severity.high, "T1565")


def test_switches_replace_lists() -> None:
    """Another switch, the same switch, an old revision, another domain and the first sender raise no alert."""
    assert reported(message(0, SWITCH, 41), bridge(1, OTHER), message(2, OTHER, 42)) == []
    assert reported(*(message(n * 300, SWITCH, 41 + n) for n in range(5))) == []
    assert reported(message(0, SWITCH, 41), message(1, HOST, 41), message(2, HOST, 3)) == []
    assert reported(message(0, SWITCH, 41), message(1, HOST, 42, domain="lab")) == []
    assert reported(message(0, HOST, 42)) == []


def test_repetition_is_reported_once_an_hour() -> None:
    attack = [message(n * 60, HOST, 42 + n) for n in range(1, 100)]
    assert len(reported(message(0, SWITCH, 41), *attack)) == 2
