"""Golden and silver tickets: the attack, similar benign tickets, repetition."""

from __future__ import annotations

import msgspec

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.kerberos import KerberosPresented, KerberosTgsReply
from tests.detectors.kerberos_stories import RC4, REALM, login, service
from tests.detectors.stories import SECOND, START, detector, inspected, one

GOLDEN, THIEF = "credential_access.forged_ticket", "10.0.0.99"


def presented(at: float, etype: int = RC4, ticket_service: str = f"krbtgt/{REALM}") -> list[Event]:
    requested, answered = service(at, "cifs/dc01", client=THIEF, ticket="t9")
    return [msgspec.structs.replace(requested, ticket_etype=etype, ticket_service=ticket_service), answered]


def test_a_ticket_that_the_kdc_does_not_issue() -> None:
    """An initial ticket with RC4, in a domain whose tickets have AES, raises a critical alert."""
    alert = one(inspected(detector(GOLDEN), [*login(0), *service(1, "cifs/fs01"), *presented(60)]))
    assert (alert.severity, alert.actor.address, alert.techniques[0].technique) == (
        Severity.critical,
        parse(THIEF),
        "T1558.001",
    )


def test_benign_tickets_are_quiet() -> None:
    """Tickets with AES, an old domain with RC4 only, a KDC that issues both, a ticket of another realm, and service
    tickets raise no alert.
    """
    other = f"krbtgt/{REALM}@PARTNER.EXAMPLE"
    for story in (
        [*login(0), *presented(60, etype=18)],
        [*login(0, ticket_etype=RC4), *presented(60), *presented(90)],
        [*login(0), *login(5, ticket_etype=RC4), *login(10), *presented(60)],
        [*login(0), *presented(60, ticket_service=other), *presented(90, ticket_service="cifs/fs01")],
    ):
        assert inspected(detector(GOLDEN), story) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(GOLDEN), [*login(0), *(each for n in range(20) for each in presented(60 + n))]))


SERVER = "10.0.0.7"


def silver(at: float, etype: int = RC4, name: str = "cifs/fs01") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(THIEF), dst=parse(SERVER), sport=50000, dport=445, proto=6)
    return KerberosPresented(packet, "t8", etype, name)


def issued(at: float, etype: int, name: str = "cifs/fs01") -> list[Event]:
    requested, answered = service(at, name)
    assert isinstance(answered, KerberosTgsReply)
    return [requested, msgspec.structs.replace(answered, ticket_etype=etype)]


def test_a_service_ticket_that_the_kdc_does_not_issue() -> None:
    """A ticket with RC4 for a service whose tickets have AES raises an alert of high severity."""
    alert = one(inspected(detector(GOLDEN), [*issued(0, 18), silver(60, name="CIFS/fs01")]))
    assert (alert.severity, alert.actor.address, alert.techniques[0].technique) == (
        Severity.high,
        parse(THIEF),
        "T1558.002",
    )
    assert alert.target
    assert alert.target.address == parse(SERVER)


def test_benign_service_tickets_are_quiet() -> None:
    """Tickets with AES, services of accounts without AES keys, and services whose tickets were not captured."""
    for story in (
        [*issued(0, 18), silver(60, etype=18)],
        [*issued(0, RC4), silver(60)],
        [*issued(0, 18), *issued(5, RC4), silver(60)],
        [*issued(0, 18, "cifs/other"), silver(60)],
        [silver(60)],
    ):
        assert inspected(detector(GOLDEN), story) == []


def test_repetition_of_a_silver_ticket_is_one_finding() -> None:
    assert one(inspected(detector(GOLDEN), [*issued(0, 18), *(silver(60 + n) for n in range(20))]))
