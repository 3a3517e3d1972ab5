"""The DPAPI domain backup key: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.call_stories import call
from tests.detectors.stories import detector, inspected, one

KEY = "credential_access.backup_key"


def test_the_key_is_read() -> None:
    """Either call that reads the key raises an alert with the name of the key."""
    for number in (28, 43):
        [alert] = inspected(detector(KEY), [call("lsarpc", number, "G$BCKUPKEY_PREFERRED", pipe="lsarpc")])
        assert (alert.severity, [each.technique for each in alert.techniques]) == (
            Severity.critical,
            ["T1555", "T1003.004"],
        )


def test_a_user_s_key_is_a_hint() -> None:
    """Decryption of a user's key is low: hosts request it after a password change."""
    [alert] = inspected(detector(KEY), [call("BackupKey", 0, level=6, pipe="protected_storage")])
    assert alert.severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Other LSA secrets, which another detector covers, and name look-ups raise no alert."""
    assert inspected(detector(KEY), [call("lsarpc", 43, "$MACHINE.ACC"), call("lsarpc", 58, "BCKUPKEY")]) == []


def test_repetition_is_one_finding() -> None:
    """Repeated reads of both keys are one alert."""
    assert one(inspected(detector(KEY), [call("lsarpc", 43, "G$BCKUPKEY_P", at=n) for n in range(20)]))
