"""NTLM relay through a third host."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.packet import Packet
from tests.detectors.ntlm_stories import MIDDLE, SERVER, VICTIM, challenge, proof
from tests.detectors.stories import World, detector, device, inspected, one

RELAY = "credential_access.ntlm_relay"


@pytest.mark.parametrize(
    ("near", "far", "severity"),
    [
        ("smb", "smb", Severity.high),
        ("http", "ldap", Severity.critical),
        ("smb", "http", Severity.critical),
        ("http", "http", Severity.low),
    ],
)
def test_a_challenge_that_is_passed_on_is_reported(near: str, far: str, severity: Severity) -> None:
    """The relaying host is the actor; between two web servers it may be a proxy."""
    [alert] = inspected(
        detector(RELAY), [challenge(0, MIDDLE, SERVER, carrier=far), challenge(0.1, VICTIM, MIDDLE, carrier=near)]
    )
    assert (alert.actor.address, alert.target.address if alert.target else 0, alert.severity) == (
        parse(MIDDLE),
        parse(SERVER),
        severity,
    )
    assert {target.address for target in alert.targets} == {parse(SERVER), parse(VICTIM)}


def test_a_port_forward() -> None:
    """A client that uses another port than that of SMB comes through a port forward: medium, and an internal proxy."""
    near = challenge(0.1, VICTIM, MIDDLE)
    near.packet = Packet(ts=near.ts, proto=6, sport=4455, dport=50000, src=parse(MIDDLE), dst=parse(VICTIM))
    [alert] = inspected(detector(RELAY), [challenge(0, MIDDLE, SERVER), near])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1090.001")
    assert alert.actor.address == parse(MIDDLE)


def test_an_answer_that_is_passed_on_is_reported() -> None:
    """A relayed response raises an alert with the account where the challenge was not captured."""
    [alert] = inspected(detector(RELAY), [proof(0, VICTIM, MIDDLE), proof(0.1, MIDDLE, SERVER)])
    assert "of anna from" in alert.summary
    assert alert.actor.address == parse(MIDDLE)


def test_order_of_capture_does_not_matter() -> None:
    """Packets of two capture points that are out of order give the same alert."""
    assert one(
        inspected(detector(RELAY), [challenge(0, VICTIM, MIDDLE), challenge(0.1, MIDDLE, SERVER)])
    ).actor.address == parse(MIDDLE)


def test_benign_twins_are_quiet() -> None:
    """Duplicate packets, NAT at either end, other challenges, all-zero challenges, the same challenge hours later, and
    a single host raise no alert.
    """
    story = [
        challenge(0, VICTIM, SERVER),
        challenge(0, VICTIM, SERVER),
        challenge(1, "10.0.9.1", SERVER, "n2"),
        challenge(1, VICTIM, SERVER, "n2"),
    ]
    story += [
        challenge(2, VICTIM, "10.0.9.1", "n3"),
        challenge(2, VICTIM, SERVER, "n3"),
        challenge(3, MIDDLE, SERVER, "n4"),
        challenge(3, VICTIM, MIDDLE, "n5"),
    ]
    story += [
        challenge(4, MIDDLE, SERVER, ""),
        challenge(4, VICTIM, MIDDLE, ""),
        proof(5, VICTIM, MIDDLE, ""),
        proof(5, MIDDLE, SERVER, ""),
    ]
    story += [challenge(6, MIDDLE, SERVER, "n6"), challenge(7206, VICTIM, MIDDLE, "n6")]
    assert inspected(detector(RELAY), story) == []
    world = World()
    world.devices = dict.fromkeys((parse(MIDDLE), parse(SERVER)), device("server", SERVER))
    assert inspected(detector(RELAY, world), [challenge(0, MIDDLE, SERVER), challenge(0.1, VICTIM, MIDDLE)]) == []


def test_repetition_is_reported_once_an_hour() -> None:
    """Repeated logins of the victims are reported once an hour."""
    story = [
        each
        for n in range(60)
        for each in (challenge(n, MIDDLE, SERVER, f"n{n}"), challenge(n + 0.1, VICTIM, MIDDLE, f"n{n}"))
    ]
    assert len(inspected(detector(RELAY), story)) == 1
