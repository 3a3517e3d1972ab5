"""Kerberoasting: the attack, similar benign traffic, repetition."""

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
    """RC4 tickets for ten services are high with all names, besides the low alerts about each weak account."""
    found = inspected(detector(ROAST), [each for n in range(12) for each in service(n, f"MSSQLSvc/db{n}", given=RC4)])
    alert = one([alert for alert in found if alert.severity == Severity.high])
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(CLIENT), parse(CENTRE))
    assert alert.numbers["services"] == 10
    assert alert.techniques[0].technique == "T1558.003"


def test_a_tool_asks_for_rc4_first() -> None:
    """One ticket is enough if the client prefers RC4."""
    [alert] = inspected(detector(ROAST), service(0, "HTTP/intranet", etypes=(23, 16, 3, 18), given=RC4))
    assert alert.severity == Severity.medium
    assert "RC4" in alert.why[1]


def test_a_harvest_of_a_tool_is_one_finding() -> None:
    """A tool is reported at the first ticket, and with a higher severity at the tenth, with one key."""
    found = inspected(
        detector(ROAST), [each for n in range(12) for each in service(n, f"MSSQLSvc/db{n}", etypes=(23,), given=RC4)]
    )
    assert one(found).severity == Severity.medium
    assert max(alert.severity for alert in found) == Severity.high


def test_a_single_weak_ticket_is_low() -> None:
    """An RC4 ticket in a domain with AES is low; exempt services and a disabled option raise no alert."""
    story = service(0, "HTTP/intranet", given=RC4)
    assert [alert.severity for alert in inspected(detector(ROAST), story)] == [Severity.low]
    assert inspected(detector(ROAST, exempt=("http/intranet",)), story) == []
    assert inspected(detector(ROAST, single=False), story) == []


def test_requests_without_answers() -> None:
    """In a capture of requests only, RC4-first requests for many services raise an alert. Clients that prefer AES, file
    shares, and requests with answers in the capture do not.
    """
    tool = [each for n in range(5) for each in service(n, f"MSSQLSvc/db{n}", etypes=(23, 18), given=RC4)]
    found = inspected(detector(ROAST), one_way(tool))
    assert [alert.severity for alert in found] == [Severity.low] * 2 + [Severity.medium] * 3
    assert (one(found).numbers["cipher"], one(found).actor.address) == ("RC4", parse(CLIENT))
    benign = [each for n in range(40) for each in service(n, f"MSSQLSvc/db{n}")]
    benign += [each for n in range(40) for each in service(n, f"cifs/fs{n}", etypes=(23, 18))]
    assert inspected(detector(ROAST), one_way(benign)) == []
    assert inspected(detector(ROAST), tool[::2]) == []


def test_a_domain_that_issues_aes_only() -> None:
    """A tool that requests RC4 first is low, and medium from the third service on; a computer account is quiet."""
    story = [each for n in range(5) for each in service(n, f"MSSQLSvc/db{n}", etypes=(23, 16, 3, 18))]
    found = inspected(detector(ROAST), story)
    assert [alert.severity for alert in found] == [Severity.low] * 2 + [Severity.medium] * 3
    assert one(found).techniques[0].technique == "T1558.003"
    quiet = service(1, "HTTP/web", account="UNIX$", etypes=(23, 18)) + service(2, "cifs/fs", etypes=(23, 18))
    assert inspected(detector(ROAST), quiet) == []


def test_answers_without_requests() -> None:
    """In a capture of replies only, a weak ticket in an AES session is low; without AES it is no alert."""
    story = service(0, "HTTP/intranet", given=RC4)
    assert [alert.severity for alert in inspected(detector(ROAST), story[1:])] == [Severity.low]
    assert inspected(detector(ROAST), service(0, "HTTP/intranet", shown=RC4, given=RC4)[1:]) == []
    assert one(inspected(detector(ROAST), [service(n, "HTTP/intranet", given=RC4)[1] for n in range(9)]))


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
    """AES tickets, file shares, a domain without AES, a Unix host's own account, and the KDC of another domain raise no
    alert.
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
    """A continuing attack is one alert."""
    found = inspected(
        detector(ROAST), [each for n in range(200) for each in service(n * 2, f"MSSQLSvc/db{n}", given=RC4)]
    )
    assert one([alert for alert in found if alert.severity == Severity.high])
    again = inspected(detector(ROAST), [each for n in range(9) for each in service(n, "HTTP/intranet", given=RC4)])
    assert len({alert.key for alert in again}) == 1
