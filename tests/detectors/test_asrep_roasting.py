"""AS-REP roasting: accounts without pre-authentication."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.kerberos_stories import RC4, login
from tests.detectors.stories import detector, inspected, one

ROAST = "credential_access.asrep_roasting"


def test_several_accounts_are_a_harvest() -> None:
    """Requests for three accounts without pre-authentication are high."""
    found = inspected(detector(ROAST), [each for n in range(4) for each in login(n, f"svc{n}", proof="", etype=RC4)])
    assert [alert.severity for alert in found] == [Severity.low, Severity.low, Severity.high, Severity.high]
    assert one(found[2:]).techniques[0].technique == "T1558.004"


def test_a_tool_wants_rc4_only() -> None:
    """One account is enough if the client offers only RC4."""
    [alert] = inspected(detector(ROAST), login(0, "svc", proof="", etypes=(23,), etype=RC4))
    assert alert.severity == Severity.medium


def test_a_list_of_accounts_is_tried() -> None:
    """Five accounts with RC4 only raise an alert, whether they exist or not; with AES, or a password, they do not."""
    tried = [each for n in range(6) for each in login(n, f"u{n}", proof="", etypes=(23,), refused=6 if n % 2 else 25)]
    alert = one(inspected(detector(ROAST), tried))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (
        Severity.high,
        ["T1558.004", "T1087.002"],
    )
    assert inspected(detector(ROAST), [each for n in range(9) for each in login(n, f"u{n}", proof="", refused=6)]) == []
    old = [each for n in range(9) for each in login(n, f"u{n % 4}", etypes=(23,), etype=RC4)]
    assert inspected(detector(ROAST), old) == []


def test_benign_twins_are_quiet() -> None:
    """Logins with pre-authentication, certificate or FAST armor, computer accounts, and errors raise no alert."""
    story = [each for n in range(9) for each in login(n, f"user{n}")]
    story += (
        login(10, "anna", proof="public_key")
        + login(11, "anna", proof="armoured")
        + login(12, "WS-1$", proof="")
        + login(13, "x", proof="", refused=6)
    )
    assert inspected(detector(ROAST), story) == []


def test_repetition_has_one_key() -> None:
    """Repeated requests for one account have one alert key."""
    found = inspected(detector(ROAST), [each for n in range(9) for each in login(n, "svc", proof="")])
    assert one(found)
    assert {alert.severity for alert in found} == {Severity.low}
