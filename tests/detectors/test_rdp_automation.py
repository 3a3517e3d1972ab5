"""Remote desktop sessions driven by programs: the attack, similar benign sessions, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.rdp_input import RdpInput
from tests.detectors.stories import START, detector, inspected, one

AUTOMATION = "lateral_movement.rdp_automation"
SOURCE, TARGET = "10.0.0.66", "10.0.0.40"


def session(burst: int = 80, pointer: int = 2, at: float = 0) -> RdpInput:
    packet = Packet(ts=START + int(at * SECOND), src=parse(SOURCE), dst=parse(TARGET), sport=50000, dport=3389, proto=6)
    return RdpInput(packet, burst + 10, burst, pointer, 14)


def test_a_program_in_a_session() -> None:
    alert = one(inspected(detector(AUTOMATION), [session()]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(SOURCE), parse(TARGET))
    assert (alert.severity, alert.techniques[0].technique, alert.target_port) == (Severity.medium, "T1021.001", 3389)
    assert (alert.numbers["keys"], alert.numbers["threshold"]) == (80, 20)


def test_persons_and_probes() -> None:
    """A person who moves the pointer, also with a password manager, a person who types fast, and a probe."""
    for event in (session(pointer=60), session(burst=12), session(burst=0, pointer=0)):
        assert inspected(detector(AUTOMATION), [event]) == []


def test_a_manager_is_low() -> None:
    assert one(inspected(detector(AUTOMATION, managers=("10.0.0.66",)), [session()])).severity == Severity.low


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(AUTOMATION), [session(at=n * 60) for n in range(20)])).severity == Severity.medium
