"""Ransomware on a file share: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.shared.smb_events import SmbCreateResult, SmbDelete, SmbRename
from tests.detectors.call_stories import CLIENT, packet
from tests.detectors.stories import detector, inspected

MASS = "impact.mass_file_change"
SHARE = r"\\files\office"


def renames(count: int, old: str = "docx", new: str = "locked", *, step: float = 0.2) -> list[Event]:
    return [SmbRename(packet(n * step), SHARE, f"plan{n}.{old}", f"plan{n}.{new}") for n in range(count)]


def opens(count: int, action: int) -> list[Event]:
    return [
        SmbCreateResult(packet(n / 20, answer=True), SHARE, f"plan{n}.docx", False, 0, action, 1000)
        for n in range(count)
    ]


def test_a_hundred_files_with_another_ending() -> None:
    """A hundred files renamed to another extension within a minute raise an alert."""
    alert = inspected(detector(MASS), renames(120))[0]
    assert (alert.actor.address, alert.numbers["renames"], alert.severity) == (parse(CLIENT), 100, Severity.high)
    assert "100 files" in alert.summary
    for story in (renames(120, "docx", "mp3"), renames(120, "jpg", "jpg.png"), renames(120, "docx", "777")):
        assert inspected(detector(MASS), story)[0].severity == Severity.high


def test_four_hundred_files_overwritten_or_deleted() -> None:
    """Four hundred overwritten or deleted files are medium, with any extension."""
    story = sorted(
        [*opens(250, 3), *(SmbDelete(packet(n / 20), SHARE, f"plan{n}.docx") for n in range(250))],
        key=lambda event: event.ts,
    )
    alert = inspected(detector(MASS), story)[0]
    assert (alert.actor.address, alert.numbers["changes"], alert.severity) == (parse(CLIENT), 400, Severity.medium)


def test_files_that_are_replaced_by_new_ones() -> None:
    """Encrypted copies are created, and the originals deleted: medium."""
    story = [
        event
        for n in range(450)
        for event in (
            SmbCreateResult(packet(n / 20, answer=True), SHARE, f"plan{n}.x", False, 0, 2, 0),
            SmbDelete(packet(n / 20), SHARE, f"plan{n}.docx"),
        )
    ]
    assert {alert.severity for alert in inspected(detector(MASS), story)} == {Severity.medium}


def copies(count: int, ending: str) -> list[Event]:
    """New files with an additional extension, each before its original is deleted."""
    return [
        event
        for n in range(count)
        for event in (
            SmbCreateResult(packet(n / 5, answer=True), SHARE, f"a\\Plan{n}.docx.{ending}", False, 0, 2, 0),
            SmbDelete(packet(n / 5), SHARE, f"a\\plan{n}.docx"),
        )
    ]


def test_files_that_are_replaced_by_copies() -> None:
    """A hundred files replaced by copies with an additional extension are high; archives, rotated logs and temporary
    copies of files are none.
    """
    alert = inspected(detector(MASS), copies(120, "wncry"))[0]
    assert (alert.numbers["renames"], alert.severity) == (100, Severity.high)
    for ending in ("gz", "1", "tmp"):
        assert inspected(detector(MASS), copies(120, ending)) == []


def test_a_clean_up_is_slight() -> None:
    """A folder that is deleted, pictures that are numbered, and a copy over an older one are low."""
    deleted = [SmbDelete(packet(n / 20), SHARE, f"plan{n}.docx") for n in range(500)]
    for story in (deleted, renames(500, "jpg", "jpg", step=0.1), opens(500, 3)):
        found = inspected(detector(MASS), story)
        assert {(alert.severity, alert.key) for alert in found} == {(Severity.low, found[0].key)}


def test_benign_twins_are_quiet() -> None:
    """Programs that write through temporary files, renamed pictures, a copy of new files, and a slow script raise no
    alert.
    """
    for story in (
        renames(300, "tmp", "docx"),
        renames(300, "jpg", "jpg"),
        renames(300, "jpeg", "jpg"),
        renames(300, "log", "1"),
        opens(2000, 2),
        opens(2000, 1),
        renames(300, step=1),
    ):
        assert inspected(detector(MASS), story) == []


def test_the_machine_of_a_manager_is_low() -> None:
    """A management host of the option is low."""
    assert {alert.severity for alert in inspected(detector(MASS, managers=(CLIENT,)), renames(120))} == {Severity.low}


def test_repetition_grows_one_alert() -> None:
    """A continuing attack is reported every ten seconds at most, with one key."""
    found = inspected(detector(MASS), renames(300))
    assert 2 <= len(found) <= 5
    assert len({alert.key for alert in found}) == 1
