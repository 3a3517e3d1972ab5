"""AS-REP roasting: accounts without pre-authentication."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.kerberos_stories import RC4, login
from tests.detectors.stories import detector, inspected, one

ROAST = "credential_access.asrep_roasting"


def test_several_accounts_are_a_harvest() -> None:
    """High from the third on."""
    found = inspected(detector(ROAST), [each for n in range(4) for each in login(n, f"svc{n}", proof="", etype=RC4)])
    assert [alert.severity for alert in found] == [Severity.low, Severity.low, Severity.high, Severity.high]
    assert one(found[2:]).techniques[0].technique == "T1558.004"


def test_a_tool_wants_rc4_only() -> None:
    """One account is enough then."""
    [alert] = inspected(detector(ROAST), login(0, "svc", proof="", etypes=(23,), etype=RC4))
    assert alert.severity == Severity.medium


def test_benign_twins_are_quiet() -> None:
    """Logins with a proof, by certificate, through an armoured tunnel; machines; refusals."""
    story = [each for n in range(9) for each in login(n, f"user{n}")]
    story += (
        login(10, "anna", proof="public_key")
        + login(11, "anna", proof="armoured")
        + login(12, "WS-1$", proof="")
        + login(13, "x", proof="", refused=6)
    )
    assert inspected(detector(ROAST), story) == []


def test_repetition_has_one_key() -> None:
    """The same account again."""
    found = inspected(detector(ROAST), [each for n in range(9) for each in login(n, "svc", proof="")])
    assert one(found)
    assert {alert.severity for alert in found} == {Severity.low}
