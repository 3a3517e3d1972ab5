"""The roster: all devices as last reported, those of earlier runs too, without loading their observations."""

from __future__ import annotations

from sensor.inventory.roster import Member
from tests.inventory.stories import Story

PRINTER, LAPTOP = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02"
CLAIMS = "type=printer;vendor=Kyocera;model=M3655;firmware=2.1;os=VxWorks"


def reported(story: Story) -> dict[str, Member]:
    return {member.device.key: member for member in story.inventory.members()}


def office() -> Story:
    """A printer that announces its type, and a device that announces nothing."""
    story = Story().at(0)
    return (
        story.sends(PRINTER, "10.0.0.9", "http.server", CLAIMS)
        .sends(PRINTER, "10.0.0.9", "dhcp.hostname", "prn-3f")
        .sends(LAPTOP, "10.0.0.8", "arp", "x")
    )


def test_devices_are_listed_once_they_were_reported() -> None:
    """Devices are listed as reported; a new device that was not reported yet is not listed."""
    story = office()
    assert reported(story) == {}
    printer = reported(story.at(8))[f"mac:{PRINTER}"]
    assert printer[1:-1] == ("printer", "Kyocera", "M3655", "2.1", "VxWorks", "", False, False)
    assert (list(printer.device.names), reported(story)[f"mac:{LAPTOP}"].type) == (["prn-3f"], "unknown")


def test_those_of_earlier_runs_stay_packed() -> None:
    """Reported fields are available at once; names and attributes are unpacked when the device is looked up."""
    before, after = office().at(8), Story().at(100)
    before.persistence.keep_journal()
    before.persistence.sweep(0)
    for state, _ in before.persistence.entries(10).states:
        after.persistence.restore(state)
    printer = reported(after)[f"mac:{PRINTER}"]
    assert printer[1:-1] == ("printer", "Kyocera", "M3655", "2.1", "VxWorks", "", False, True)
    assert (printer.device.names, printer.device.attributes) == ({}, {})
    after.who(PRINTER, "10.0.0.9")
    printer = reported(after)[f"mac:{PRINTER}"]
    assert (printer.quiet, list(printer.device.names)) == (False, ["prn-3f"])


def test_those_that_went_are_marked() -> None:
    """Their devices are still known."""
    story = office().at(8)
    story.at(3 * 86400)
    assert reported(story)[f"mac:{PRINTER}"].gone


def test_a_member_is_stale_while_more_was_reported_than_its_device_shows() -> None:
    """It is stale until the device is looked up again."""
    story = office().at(8)
    assert (record := reported(story)[f"mac:{PRINTER}"].record) is not None
    assert not record.stale
    story.sends(PRINTER, "10.0.0.9", "http.title", CLAIMS)
    assert record.stale
    story.who(PRINTER, "10.0.0.9")
    assert not record.stale
