"""Changed fingerprints are applied to known observations, of this run and of earlier ones, a few devices at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensor.inventory.reread import Reread
from sensor.runtime.keeper import Keeper
from tests.inventory.stories import Story

MACS = [f"00:17:c8:00:00:{number:02x}" for number in range(1, 6)]


class Renamed:
    """Fingerprints that claim another attribute for one value."""

    def __init__(self, matcher: Any, value: str, text: str) -> None:
        self._matcher, self._value, self._sent = matcher, value, text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._matcher, name)

    def match(self, kind: str, value: str) -> Any:
        return self._matcher.match(kind, self._sent if value == self._value else value)


@pytest.fixture
def story() -> Story:
    """Five printers; the second sends another value."""
    story = Story().at(0)
    for number, mac in enumerate(MACS):
        story.sends(
            mac, f"10.0.0.{number + 1}", "dhcp.vendor_class", "type=printer@0.8" if number != 1 else "type=printer@0.7"
        )
    story.at(10)
    return story


def renamed(story: Story) -> Renamed:
    return Renamed(story.inventory.matcher, "type=printer@0.7", "type=camera@0.9")


def test_only_what_is_reported_otherwise_changes(story: Story) -> None:
    """One device gets its new attribute, the others are not reported; a few devices at a time."""
    reread = Reread(story.inventory)
    reread.begin(renamed(story), story.inventory.oui)
    assert len(reread.waiting) == 5
    assert reread.step(2)
    assert len(reread.waiting) == 3
    assert not reread.step(100)
    story.changes.clear()
    story.at(60)
    assert [story.who(mac).type for mac in MACS] == ["printer", "camera", "printer", "printer", "printer"]
    assert {change.device.macs[0] & 0xFF for change in story.changes} == {2}


def test_devices_that_are_gone_by_then_cost_nothing(story: Story) -> None:
    reread = Reread(story.inventory)
    reread.begin(renamed(story), story.inventory.oui)
    for record in list(story.inventory.table.by_mac.values()):
        story.inventory.table.evict(record)
    assert not reread.step(100)


def test_devices_of_an_earlier_run(story: Story, tmp_path: Path) -> None:
    """Their observations are matched too; unchanged devices stay packed, at a tenth of the memory."""
    keeper = Keeper(tmp_path, print)
    keeper.begin(story.inventory, "one")
    for record in story.inventory.table.by_mac.values():
        story.inventory.table.note(record)
    keeper.end()
    keeper, later = Keeper(tmp_path, print), Story()
    assert keeper.begin(later.inventory, "one") == 5
    records = list(later.inventory.table.by_mac.values())
    packed = [record.unread for record in records]
    assert all(packed)
    reread = Reread(later.inventory)
    reread.begin(renamed(later), later.inventory.oui)
    assert not reread.step(5)
    assert [record.unread is not None for record in records] == [number != 1 for number in range(5)]
    assert [record.unread for record in records if record.unread] == packed[:1] + packed[2:]
    assert [later.who(mac).type for mac in MACS] == ["printer", "camera", "printer", "printer", "printer"]
    keeper.end()
