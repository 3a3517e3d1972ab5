"""Account changes over RPC: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.call_stories import call
from tests.detectors.stories import detector, inspected, one

ACCOUNT = "persistence.account_change"


def test_a_user_that_is_made_and_put_into_a_group() -> None:
    """A new user is low; adding it to a group is medium within minutes, low days later."""
    made, joined = inspected(detector(ACCOUNT), [call("samr", 50, "backdoor"), call("samr", 31, at=60)])
    assert (made.severity, made.techniques[0].technique) == (Severity.low, "T1136.002")
    assert (joined.severity, joined.techniques[0].technique) == (Severity.medium, "T1098")
    assert (
        inspected(detector(ACCOUNT), [call("samr", 50, "backdoor"), call("samr", 22, at=90_000)])[1].severity
        == Severity.low
    )


def test_a_password_that_a_user_else_sets() -> None:
    """A password reset by another user is low, even where the call is encrypted."""
    [alert] = inspected(detector(ACCOUNT), [call("samr", 58, level=6)])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1098")
    assert "encrypted" in alert.why[0]


def test_benign_twins_are_quiet() -> None:
    """Queries, users who change their own password, and a host that joins the domain raise no severe alert."""
    assert inspected(detector(ACCOUNT), [call("samr", number) for number in (13, 36, 38, 47, 55, 64)]) == []
    assert {
        alert.severity for alert in inspected(detector(ACCOUNT), [call("samr", 50, "DESK-04$"), call("samr", 22, at=5)])
    } == {Severity.low}


def test_repetition_is_one_finding() -> None:
    """Many password resets by a help desk are one alert."""
    assert one(inspected(detector(ACCOUNT), [call("samr", 58, at=n) for n in range(100)]))
