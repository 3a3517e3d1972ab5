"""Requests for tickets on behalf of others: the attack, similar benign requests, repetition."""

from __future__ import annotations

import msgspec
import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from tests.detectors.kerberos_stories import CLIENT, service
from tests.detectors.stories import World, detector, device, inspected, one

ABUSE = "credential_access.delegation_abuse"


def impersonated(at: float, user: str, account: str = "svc-web") -> list[Event]:
    requested, answered = service(at, account)
    return [msgspec.structs.replace(requested, impersonates=True, user=user), answered]


@pytest.mark.parametrize(
    ("kind", "user", "severity"),
    [
        ("unknown", "Administrator", Severity.medium),
        ("unknown", "dc01$", Severity.medium),
        ("workstation", "Administrator", Severity.high),
        ("printer", "administrator@LAB.EXAMPLE", Severity.high),
        ("workstation", "alice", Severity.low),
    ],
)
def test_a_ticket_on_behalf_of_another(kind: str, user: str, severity: Severity) -> None:
    """A host that is not a server requests a ticket on behalf of an administrator or a computer."""
    world = World(*([device(kind, CLIENT)] if kind != "unknown" else []))
    alert = one(inspected(detector(ABUSE, world), impersonated(0, user)))
    assert (alert.severity, alert.actor.address, alert.techniques[0].technique) == (severity, parse(CLIENT), "T1558")


def test_benign_requests_are_quiet() -> None:
    """Servers act for their clients, computers for themselves, and an unknown host for an ordinary user; other requests
    have no user.
    """
    server = World(device("server", CLIENT))
    assert inspected(detector(ABUSE, server), impersonated(0, "Administrator")) == []
    assert inspected(detector(ABUSE), impersonated(0, "web01$", account="web01$")) == []
    assert inspected(detector(ABUSE), impersonated(0, "alice")) == []
    assert inspected(detector(ABUSE, World(device("workstation", CLIENT))), service(0, "cifs/fs01")) == []


def test_repetition_is_reported_once_an_hour() -> None:
    story = [each for n in range(50) for each in impersonated(n, "Administrator")]
    assert len(inspected(detector(ABUSE), story)) == 1
