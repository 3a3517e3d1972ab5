"""Command execution through SQL Server: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.detectors.lateral_movement.sql_command import ACTIONS
from sensor.dissectors.tds_batch import PROCEDURES, TdsCommand
from tests.detectors.call_stories import packet
from tests.detectors.stories import detector, inspected, one

COMMAND = "lateral_movement.sql_command"


def command(text: str, *, at: float = 0) -> Event:
    name = next(each for each in PROCEDURES if text.lower().startswith(each))
    return TdsCommand(packet(at), name, text)


@pytest.mark.parametrize(
    ("text", "technique", "severity"),
    [
        ("xp_cmdshell 'powershell -enc AAAA'", "T1059.003", Severity.high),
        ("xp_cmdshell 'dir d:\\'", "T1059.003", Severity.medium),
        ("sp_oacreate 'wscript.shell', @o OUT", "T1505.001", Severity.high),
        ("xp_dirtree '\\\\10.0.0.66\\x'", "T1187", Severity.medium),
        ("xp_regwrite 'HKEY_LOCAL_MACHINE'", "T1112", Severity.medium),
    ],
)
def test_commands(text: str, technique: str, severity: Severity) -> None:
    """Each command has its technique; those that intruders use are more severe."""
    [alert] = inspected(detector(COMMAND), [command(text)])
    assert (alert.techniques[0].technique, alert.severity) == (technique, severity)


def test_every_procedure_has_a_meaning() -> None:
    """Each procedure that the dissector recognizes has a technique."""
    assert set(ACTIONS) == set(PROCEDURES)


def test_benign_twins_are_quiet() -> None:
    """A folder listing by the server itself raises no alert; starting a job is informational."""
    assert inspected(detector(COMMAND), [command("xp_dirtree 'D:\\backup', 1, 1")]) == []
    assert {alert.severity for alert in inspected(detector(COMMAND), [command("sp_start_job 'nightly'")])} == {
        Severity.info
    }


def test_repetition_is_one_finding() -> None:
    """Repeated commands are one alert."""
    assert one(inspected(detector(COMMAND), [command("xp_cmdshell 'whoami'", at=n) for n in range(20)]))
