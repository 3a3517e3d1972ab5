"""Remote shutdown: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from tests.detectors.call_stories import call
from tests.detectors.stories import detector, inspected, one

SHUTDOWN = "impact.remote_shutdown"


@pytest.mark.parametrize(
    ("interface", "number"), [("initshutdown", 0), ("initshutdown", 2), ("winreg", 24), ("winreg", 30)]
)
def test_a_host_is_shut_down(interface: str, number: int) -> None:
    """A shutdown over either RPC interface raises an alert."""
    [alert] = inspected(detector(SHUTDOWN), [call(interface, number, "restart", pipe="InitShutdown")])
    assert (alert.severity, [each.technique for each in alert.techniques]) == (Severity.medium, ["T1529"])


def test_many_hosts_are_worse() -> None:
    """A shutdown of many hosts, as by a wiper, is more severe; all targets are included."""
    alerts = inspected(detector(SHUTDOWN), [call("initshutdown", 2, at=n, dst=f"10.0.0.{n + 10}") for n in range(6)])
    assert [alert.severity for alert in alerts] == [Severity.medium] * 4 + [Severity.high] * 2
    assert len(alerts[-1].targets) == 6


def test_a_management_host_may() -> None:
    """A management host is labeled as such, and the alert is low."""
    [alert] = inspected(detector(SHUTDOWN, managers=("10.0.0.66",)), [call("initshutdown", 0)])
    assert alert.severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """A canceled shutdown, and other calls of the registry interface, raise no alert."""
    assert (
        inspected(detector(SHUTDOWN), [call("initshutdown", 1), call("winreg", 15, "Software"), call("winreg", 26)])
        == []
    )


def test_repetition_is_one_finding() -> None:
    """Repeated shutdowns of a host are one alert."""
    assert one(inspected(detector(SHUTDOWN), [call("initshutdown", 0, at=n) for n in range(20)]))
