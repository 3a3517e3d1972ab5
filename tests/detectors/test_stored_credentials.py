"""Files with credentials read over SMB: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from tests.detectors.stories import detector, inspected, one
from tests.detectors.test_calls import opened

STORED = "credential_access.stored_credentials"
POLICY = r"corp.example\Policies\{31B2F340-016D-11D2-945F-00C04FB984F9}\Machine\Preferences"


@pytest.mark.parametrize(
    ("name", "technique"),
    [
        (r"Windows\Temp\lsass.DMP", "T1003.001"),
        (r"Users\anna\AppData\Local\Google\Chrome\User Data\Default\Login Data", "T1555.003"),
        (r"Users\anna\AppData\Roaming\Mozilla\Firefox\Profiles\x.default\logins.json", "T1555.003"),
        (r"Users\anna\AppData\Roaming\Microsoft\Protect\S-1-5-21-1\0f2c", "T1555.004"),
        (r"Users\anna\Documents\passwords.kdbx", "T1555.005"),
        (r"Users\anna\.ssh\id_ed25519", "T1552.004"),
        (r"Windows\Panther\unattend.xml", "T1552.001"),
        (r"Users\anna\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\ConsoleHost_history.txt", "T1552.003"),
    ],
)
def test_files_with_credentials(name: str, technique: str) -> None:
    """Each kind of file has its technique."""
    [alert] = inspected(detector(STORED), [opened(name, "C$")])
    assert [each.technique for each in alert.techniques] == [technique, "T1021.002"]
    assert alert.severity >= Severity.medium


def test_a_search_for_passwords_in_group_policies() -> None:
    """Opening all kinds of Group Policy preference files is medium; one or two kinds are informational."""
    kinds = ("Groups", "Services", "ScheduledTasks", "DataSources", "Drives")
    search = [opened(rf"{POLICY}\{kind}\{kind}.xml", "SYSVOL", at=n) for n, kind in enumerate(kinds)]
    alerts = inspected(detector(STORED), search)
    assert (alerts[-1].severity, alerts[-1].techniques[0].technique) == (Severity.medium, "T1552.006")
    assert {alert.severity for alert in inspected(detector(STORED), search[:2])} == {Severity.info}


@pytest.mark.parametrize(
    ("name", "share", "writes"),
    [
        (r"Users\anna\Documents\report.docx", "C$", False),
        (r"Program Files\Backup\lsass.exe.config", "C$", False),
        (r"Users\anna\Documents\passwords.kdbx", "C$", True),
        (r"team\passwords.kdbx", "OFFICE", False),
        (rf"{POLICY}\Registry.pol", "SYSVOL", False),
    ],
)
def test_benign_twins_are_quiet(name: str, share: str, writes: bool) -> None:
    """Other files, files that are written, and users' shares raise no alert."""
    assert inspected(detector(STORED), [opened(name, share, writes=writes)]) == []


def test_repetition_is_one_finding() -> None:
    """A dump that is read in parts is one alert."""
    assert one(inspected(detector(STORED), [opened(r"Temp\lsass.dmp", "C$", at=n) for n in range(20)]))
