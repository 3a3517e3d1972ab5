"""Sessions of others on remote hosts: the attack, similar benign calls, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from tests.detectors.call_stories import CLIENT, call
from tests.detectors.stories import detector, inspected, one

TAKEOVER, LISTING = "lateral_movement.session_takeover", "discovery.smb_enumeration"


@pytest.mark.parametrize(
    ("interface", "number", "severity"),
    [
        ("SessEnvPublicRpc", 0, Severity.medium),
        ("TermSrvSession", 2, Severity.medium),
        ("TermSrvSession", 4, Severity.low),
    ],
)
def test_sessions_of_others(interface: str, number: int, severity: Severity) -> None:
    """Shadowing and connecting to a session raise an alert; ending one is low."""
    alert = one(inspected(detector(TAKEOVER), [call(interface, number)]))
    assert (alert.severity, alert.techniques[0].technique) == (severity, "T1563.002")


def test_benign_calls_are_quiet() -> None:
    """Opening a session object and reading its user raise no alert here; a list of sessions is enumeration."""
    quiet = [call("TermSrvSession", number) for number in (0, 1, 5, 7)]
    assert inspected(detector(TAKEOVER), [*quiet, call("TermSrvEnumeration", 5)]) == []
    assert one(inspected(detector(LISTING), [call("TermSrvEnumeration", 5)])).techniques[0].technique == "T1033"
    assert one(inspected(detector(LISTING), [call("srvsvc", 28)])).techniques[0].technique == "T1124"


def test_the_help_desk_is_low() -> None:
    assert (
        one(inspected(detector(TAKEOVER, managers=(CLIENT,)), [call("SessEnvPublicRpc", 0)])).severity == Severity.low
    )


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(TAKEOVER), [call("SessEnvPublicRpc", 0, at=n) for n in range(20)]))
