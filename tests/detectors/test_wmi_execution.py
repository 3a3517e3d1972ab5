"""Remote WMI execution: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.call_stories import CLIENT, call
from tests.detectors.stories import detector, inspected, one

WMI = "lateral_movement.wmi_execution"


def test_a_method_is_executed() -> None:
    """Any method call raises an alert; a process is included where the arguments are readable."""
    [alert] = inspected(detector(WMI), [call("IWbemServices", 24, level=6)])
    assert (alert.severity, [each.technique for each in alert.techniques]) == (Severity.high, ["T1047", "T1021.003"])
    assert "encrypted" in alert.why[0]
    assert (
        "started a process"
        in inspected(detector(WMI), [call("IWbemServices", 25, "Win32_Process", "Create")])[0].summary
    )


def test_objects_that_are_put_there_are_subscriptions() -> None:
    """A created object is an event subscription."""
    [alert] = inspected(detector(WMI), [call("IWbemServices", 14, level=6)])
    assert (alert.severity, [each.technique for each in alert.techniques]) == (
        Severity.medium,
        ["T1047", "T1021.003", "T1546.003"],
    )


def test_benign_twins_are_quiet() -> None:
    """Queries and notifications of monitoring raise no alert; a management host is low."""
    assert inspected(detector(WMI), [call("IWbemServices", number) for number in (3, 6, 18, 20, 21, 22)]) == []
    assert inspected(detector(WMI, managers=(CLIENT,)), [call("IWbemServices", 24)])[0].severity == Severity.low


def test_repetition_is_one_finding() -> None:
    """A shell of a hundred processes is one alert."""
    assert one(inspected(detector(WMI), [call("IWbemServices", 24, at=n) for n in range(100)]))
