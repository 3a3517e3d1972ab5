"""Kerberos encryption downgrade: a skeleton key, old accounts, clients that offer only RC4."""

from __future__ import annotations

from msgspec.structs import replace

from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.packet import Packet
from tests.detectors.kerberos_stories import AES, CENTRE, RC4, login
from tests.detectors.stories import detector, inspected, one

LOWER = "credential_access.kerberos_downgrade"


def test_rc4_where_aes_was_offered_is_reported() -> None:
    """One account is medium, since it may be an old one."""
    [alert] = inspected(detector(LOWER), login(0, etype=RC4))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1556.001")
    assert CENTRE in alert.summary


def test_several_accounts_or_one_that_had_aes_are_high() -> None:
    """Several accounts, or one that used AES before, are high: a skeleton key affects all accounts."""
    found = inspected(detector(LOWER), [each for n in range(3) for each in login(n, f"user{n}", etype=RC4)])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.medium, Severity.high]
    [alert] = inspected(detector(LOWER), [*login(0), *login(9, etype=RC4)])
    assert alert.severity == Severity.high
    assert "AES" in alert.why[-1]


def test_a_client_that_wants_rc4_only_is_low() -> None:
    """A client that offers only RC4 and gets it is low."""
    [alert] = inspected(detector(LOWER), login(0, etypes=(23, 3), etype=RC4))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1558")


def test_benign_twins_are_quiet() -> None:
    """AES only, a domain without AES, and an account known as old raise no alert."""
    story = [
        *login(0),
        *login(1, "bob", etype=RC4, ticket_etype=RC4),
        *login(2, "des", etypes=(3,), etype=3, ticket_etype=RC4),
    ]
    assert inspected(detector(LOWER), story) == []
    assert inspected(detector(LOWER, exempt=("Scanner",)), login(3, "scanner", etype=RC4)) == []


def test_only_requests_are_captured() -> None:
    """Pre-authentication with RC4 after an offer of AES is low; with AES, or after the KDC's error, it is none."""
    lowered, usual = login(0, etype=RC4), login(1)
    [alert] = inspected(detector(LOWER), [lowered[0], lowered[2]])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1556.001")
    assert inspected(detector(LOWER), [usual[0], usual[2]]) == []
    assert inspected(detector(LOWER), [*lowered[:2], lowered[2]]) == []
    assert inspected(detector(LOWER, exempt=("anna",)), [lowered[0], lowered[2]]) == []
    assert one(inspected(detector(LOWER), [login(n, etype=RC4)[at] for n in range(9) for at in (0, 2)]))


def test_only_replies_are_captured() -> None:
    """An RC4 reply with an AES ticket is low; a domain without AES raises no alert."""
    [alert] = inspected(detector(LOWER), login(0, etype=RC4)[-1:])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1556.001")
    assert inspected(detector(LOWER), login(0, etype=RC4, ticket_etype=RC4)[-1:]) == []
    assert inspected(detector(LOWER), login(0, etype=AES)[-1:]) == []


def test_truncated_messages() -> None:
    """Without the offer and the type of the reply, pre-authentication with RC4 for an AES ticket is low."""
    *_, request, reply = login(0, etype=RC4, etypes=())
    cut = replace(request, packet=Packet(ts=request.ts, src=request.packet.src, flow=1, problem=Problem.CUT))
    [alert] = inspected(detector(LOWER), [cut, replace(reply, etype=0)])
    assert (alert.severity, alert.numbers["cipher"]) == (Severity.low, "RC4")
    *_, request, reply = login(0, etypes=())
    cut = replace(request, packet=Packet(ts=request.ts, src=request.packet.src, flow=1, problem=Problem.CUT))
    assert inspected(detector(LOWER), [cut, replace(reply, etype=0)]) == []


def test_repetition_has_one_key() -> None:
    """Repeated logins of an old account have one alert key."""
    assert one(inspected(detector(LOWER), [each for n in range(9) for each in login(n * 100, etype=RC4)]))
