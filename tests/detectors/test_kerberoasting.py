"""Kerberoasting: the harvest, its innocent twins, repetition."""

from __future__ import annotations

from msgspec.structs import replace

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.kerberos import KerberosTgsRequest
from tests.detectors.kerberos_stories import CENTRE, CLIENT, RC4, service
from tests.detectors.stories import detector, inspected, one

ROAST = "credential_access.kerberoasting"


def test_many_services_in_rc4_are_a_harvest() -> None:
    """Told as high with all names, besides the single ones, which tell whose accounts are weak."""
    found = inspected(detector(ROAST), [each for n in range(12) for each in service(n, f"MSSQLSvc/db{n}", given=RC4)])
    alert = one([alert for alert in found if alert.severity == Severity.high])
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(CLIENT), parse(CENTRE))
    assert alert.numbers["services"] == 10
    assert alert.techniques[0].technique == "T1558.003"


def test_a_tool_asks_for_rc4_first() -> None:
    """One ticket is enough."""
    [alert] = inspected(detector(ROAST), service(0, "HTTP/intranet", etypes=(23, 16, 3, 18), given=RC4))
    assert alert.severity == Severity.medium
    assert "RC4" in alert.why[1]


def test_a_harvest_of_a_tool_is_one_finding() -> None:
    """From the first ticket on, and graver with the tenth."""
    found = inspected(
        detector(ROAST), [each for n in range(12) for each in service(n, f"MSSQLSvc/db{n}", etypes=(23,), given=RC4)]
    )
    assert one(found).severity == Severity.medium
    assert max(alert.severity for alert in found) == Severity.high


def test_a_single_weak_ticket_is_low() -> None:
    """An account without AES keys in a domain that has them; not where it is known, or switched off."""
    story = service(0, "HTTP/intranet", given=RC4)
    assert [alert.severity for alert in inspected(detector(ROAST), story)] == [Severity.low]
    assert inspected(detector(ROAST, exempt=("http/intranet",)), story) == []
    assert inspected(detector(ROAST, single=False), story) == []


def test_requests_without_answers() -> None:
    """A capture of what clients send: RC4 is wanted first for service after service. Clients that prefer AES, shares of
    machines, and requests whose answers come are no sign.
    """
    tool = [each for n in range(5) for each in service(n, f"MSSQLSvc/db{n}", etypes=(23, 18), given=RC4)]
    found = inspected(detector(ROAST), one_way(tool))
    assert [alert.severity for alert in found] == [Severity.low] * 2 + [Severity.medium] * 3
    assert (one(found).numbers["cipher"], one(found).actor.address) == ("RC4", parse(CLIENT))
    benign = [each for n in range(40) for each in service(n, f"MSSQLSvc/db{n}")]
    benign += [each for n in range(40) for each in service(n, f"cifs/fs{n}", etypes=(23, 18))]
    assert inspected(detector(ROAST), one_way(benign)) == []
    assert inspected(detector(ROAST), tool[::2]) == []


def one_way(story: list[Event]) -> list[Event]:
    """Only the requests, in a capture that has no packet of the KDC."""
    found: list[Event] = []
    for event in story:
        if isinstance(event, KerberosTgsRequest):
            had = event.packet
            ends = {"src": had.src, "dst": had.dst, "sport": had.sport, "dport": had.dport}
            found.append(replace(event, packet=Packet(ts=had.ts, proto=6, **ends, problem=Problem.ONE_SIDED)))
    return found


def test_benign_twins_are_quiet() -> None:
    """AES tickets, shares of machines, an old domain without AES, a Unix machine's own account, another domain's
    centre.
    """
    story = [each for n in range(40) for each in service(n, f"MSSQLSvc/db{n}")]
    story += [each for n in range(40, 80) for each in service(n, f"cifs/fs{n}", given=RC4)]
    story += [each for n in range(80, 85) for each in service(n, f"HTTP/old{n}", shown=RC4, given=RC4)]
    story += (
        service(90, "ldap/dc", account="UBUNTU$", etypes=(23, 3), given=RC4)
        + service(91, "krbtgt/OTHER.ORG", given=RC4)
        + service(92, "ws9$", given=RC4)
    )
    assert inspected(detector(ROAST), story) == []


def test_repetition_has_one_key() -> None:
    """A harvest that goes on is one finding."""
    found = inspected(
        detector(ROAST), [each for n in range(200) for each in service(n * 2, f"MSSQLSvc/db{n}", given=RC4)]
    )
    assert one([alert for alert in found if alert.severity == Severity.high])
    again = inspected(detector(ROAST), [each for n in range(9) for each in service(n, "HTTP/intranet", given=RC4)])
    assert len({alert.key for alert in again}) == 1
