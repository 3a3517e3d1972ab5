"""Pass the ticket, and tickets from stolen hashes."""

from __future__ import annotations

from msgspec.structs import replace

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.kerberos import KerberosRequest
from tests.detectors.kerberos_stories import CLIENT, RC4, login, service
from tests.detectors.stories import World, detector, device, inspected, one

PASS = "lateral_movement.pass_the_ticket"
THIEF = "10.0.0.99"


def test_a_ticket_that_moved_is_reported() -> None:
    """The new host is the actor; the host whose ticket it was is one of the targets."""
    [alert] = inspected(detector(PASS), [*login(0), *service(60, "cifs/fs01", client=THIEF)])
    assert (alert.severity, alert.actor.address) == (Severity.critical, parse(THIEF))
    assert parse(CLIENT) in {target.address for target in alert.targets}
    assert "60 s ago" in alert.why[0]


def test_a_ticket_made_from_a_hash_is_reported() -> None:
    """Immediate pre-authentication with RC4 only, in a domain with AES, is medium; with an AES key it is low."""
    tool = {"host": "", "requested_before": False}
    [alert] = inspected(detector(PASS), login(0, etypes=(23,), etype=RC4, **tool))
    assert (alert.severity, [one.technique for one in alert.techniques]) == (
        Severity.medium,
        ["T1550.003", "T1550.002"],
    )
    [alert] = inspected(detector(PASS), login(0, etypes=(18,), **tool))
    assert alert.severity == Severity.low


def test_a_ticket_made_from_a_hash_without_the_answer() -> None:
    """If the KDC's packets are not captured, a request with RC4 only is low; one with AES, of a computer, or after a
    request without pre-authentication raises no alert.
    """
    tool = {"host": "", "requested_before": False}
    [alert] = inspected(detector(PASS), requests(login(0, etypes=(23,), etype=RC4, **tool)))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1550.003")
    benign = [*login(0, etypes=(18,), **tool), *login(1, "NAS$", etypes=(23,), etype=RC4, **tool)]
    benign += login(2, etypes=(23,), etype=RC4, host="")
    assert inspected(detector(PASS), requests(benign)) == []
    again = [each for n in range(9) for each in login(n * 400, etypes=(23,), etype=RC4, **tool)]
    assert one(inspected(detector(PASS), requests(again)))


def test_a_first_request_that_was_lost() -> None:
    """The KDC's error shows that a login began without pre-authentication; it excuses one login from its KDC."""
    tool = {"etypes": (23,), "etype": RC4, "host": ""}
    lost = login(0, **tool)[1:]
    assert inspected(detector(PASS), lost) == []
    assert one(inspected(detector(PASS), [*lost, *login(1, "bob", requested_before=False, **tool)]))
    assert one(inspected(detector(PASS), [lost[0], *login(400, requested_before=False, **tool)]))


def requests(story: list[Event]) -> list[Event]:
    """Only the requests, in a capture that has no packet of the KDC."""
    found: list[Event] = []
    for event in story:
        if isinstance(event, KerberosRequest):
            had = event.packet
            ends = {"src": had.src, "dst": had.dst, "sport": had.sport, "dport": had.dport}
            found.append(replace(event, packet=Packet(ts=had.ts, proto=6, **ends, problem=Problem.ONE_SIDED)))
    return found


def test_benign_twins_are_quiet() -> None:
    """Own tickets, pre-authentication after an error, computer accounts, old domains, expired tickets, a host with two
    addresses, and a known program raise no alert.
    """
    tool = {"etypes": (23,), "etype": RC4, "host": ""}
    story = [*login(0), *service(1, "cifs/fs01"), *login(2, **tool), *login(3, "NAS$", requested_before=False, **tool)]
    story += [
        *login(4, "bob", requested_before=False, ticket_etype=RC4, **tool),
        *service(90_000, "cifs/fs01", client=THIEF),
    ]
    assert inspected(detector(PASS), story) == []
    assert inspected(detector(PASS, exempt=("svc",)), login(0, "svc", requested_before=False, **tool)) == []
    world = World()
    both = [*login(0), *service(1, "cifs/fs01", client=THIEF)]
    world.devices = dict.fromkeys((parse(CLIENT), parse(THIEF)), device("server", CLIENT))
    assert inspected(detector(PASS, world), both) == []


def test_repetition_has_one_key() -> None:
    """A continuing attack has one alert key."""
    story = [each for n in range(9) for each in service(60 + n, f"cifs/fs{n}", client=THIEF)]
    assert one(inspected(detector(PASS), [*login(0), *story]))
