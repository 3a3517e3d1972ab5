"""The backup key of the domain: the attack, its innocent twins, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from tests.detectors.call_stories import call
from tests.detectors.stories import detector, inspected, one

KEY = "credential_access.backup_key"


def test_the_key_is_read() -> None:
    """By either call, under its name."""
    for number in (28, 43):
        [alert] = inspected(detector(KEY), [call("lsarpc", number, "G$BCKUPKEY_PREFERRED", pipe="lsarpc")])
        assert (alert.severity, [each.technique for each in alert.techniques]) == (
            Severity.critical,
            ["T1555", "T1003.004"],
        )


def test_a_user_s_key_is_a_hint() -> None:
    """Machines have it opened for their users, after a password was changed."""
    [alert] = inspected(detector(KEY), [call("BackupKey", 0, level=6, pipe="protected_storage")])
    assert alert.severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Other secrets are a matter of another detector, and names are looked up all day."""
    assert inspected(detector(KEY), [call("lsarpc", 43, "$MACHINE.ACC"), call("lsarpc", 58, "BCKUPKEY")]) == []


def test_repetition_is_one_finding() -> None:
    """Both keys, again and again."""
    assert one(inspected(detector(KEY), [call("lsarpc", 43, "G$BCKUPKEY_P", at=n) for n in range(20)]))
