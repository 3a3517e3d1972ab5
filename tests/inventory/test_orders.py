"""Merges and splits ordered by the operator, and their undo."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.inventory.corrections import Correction, Order, OrderResult
from tests.golden import Golden

CABLE, WIRELESS, OTHER = "00:1b:21:00:00:02", "00:1c:7f:00:00:01", "00:17:c8:1a:2b:3c"
KEEP, LOSE = f"mac:{CABLE}", f"mac:{WIRELESS}"
MERGE = Order(1, "merge", KEEP, LOSE, "a dock")


@pytest.fixture
def two(story):
    """A laptop with a wired and a wireless interface, reported as two devices."""
    story.persistence.keep_journal()
    story.sends(CABLE, "10.0.0.5", "http.server", "type=workstation").sends(
        WIRELESS, "10.0.0.6", "mdns.txt.ty", "model=X"
    ).at(8)
    return story


def test_a_merger(two):
    """The remaining device gets all observations and corrections; one event reports the merge."""
    two.persistence.correct(LOSE, {"owner": Correction(LOSE, "owner", "anna")})
    assert two.persistence.carry_out(MERGE) == OrderResult(MERGE)
    device = two.at(20).who(WIRELESS)
    assert device is two.who(CABLE)
    assert (device.type, device.value("model"), device.value("owner")) == ("workstation", "X", "anna")
    assert set(device.addresses) == {parse("10.0.0.5"), parse("10.0.0.6")}
    assert [change.note.split(": ", 1)[1] for change in two.changes if change.action == "merged"] == ["a dock"]
    two.sends(WIRELESS, "10.0.0.6", "http.server", "type=workstation").at(40)
    assert two.reported().count(("new", LOSE)) == 1


def test_a_merger_undone(two):
    """Both devices get back their MACs, addresses and observations; one is reported as new, and no rule merges them
    again.
    """
    two.persistence.carry_out(MERGE)
    two.at(20)
    merger = two.persistence.entries(10).mergers[0]
    order = Order(2, "undo", KEEP, LOSE, "two after all", (merger.kept, merger.lost))
    assert two.persistence.carry_out(order).fault == ""
    two.at(40)
    cable, wireless = two.who(CABLE), two.who(WIRELESS)
    assert (cable.macs, wireless.macs) == ((0x001B21000002,), (0x001C7F000001,))
    assert (list(cable.addresses), list(wireless.addresses)) == ([parse("10.0.0.5")], [parse("10.0.0.6")])
    assert (cable.value("model"), wireless.value("model")) == ("", "X")
    assert wireless.id == merger.lost.id
    assert [action for action, key in two.reported() if key == LOSE] == ["new", "new"]
    assert [action for action, key in two.reported() if key == KEEP].count("split") == 1
    endpoints = two.inventory.endpoints
    assert endpoints.are_apart(endpoints.table.by_key(KEEP), endpoints.table.by_key(LOSE))


def test_a_mac_split_off(two):
    """It is a separate device from then on."""
    two.persistence.carry_out(MERGE)
    order = Order(2, "split", KEEP, LOSE, "no dock")
    assert two.persistence.carry_out(order).fault == ""
    two.sends(WIRELESS, "10.0.0.7", "arp.address", "").at(30)
    assert two.who(WIRELESS, "10.0.0.7").key == LOSE
    assert two.who(CABLE).macs == (0x001B21000002,)


def test_an_address_split_off(two):
    """Observations from the address move with it."""
    two.sends(CABLE, "10.0.0.8", "sip.user_agent", "model=Y").at(10)
    assert two.persistence.carry_out(Order(2, "split", KEEP, "ip:10.0.0.8", "a container")).fault == ""
    assert two.who("", "10.0.0.8").value("model") == "Y"
    assert two.who(CABLE, "10.0.0.5").value("model") == ""


@pytest.mark.parametrize(
    "order",
    [
        Order(1, "merge", KEEP, f"mac:{OTHER}"),
        Order(1, "merge", f"mac:{OTHER}", KEEP),
        Order(1, "merge", KEEP, KEEP),
        Order(1, "split", KEEP, KEEP),
        Order(1, "split", KEEP, "ip:10.0.0.77"), Order(1, "undo", KEEP, LOSE),
    ],
)  # fmt: skip
def test_what_cannot_be_done(golden: Golden, two, order: Order):
    """The outcome states the reason, and nothing changes."""
    golden(two.persistence.carry_out(order).fault)
    assert two.who(CABLE).key == KEEP
    assert two.who(WIRELESS).key == LOSE


def test_the_mac_a_device_is_known_by_stays(golden: Golden, two):
    """Only the other MACs of a device can be split off."""
    two.persistence.carry_out(MERGE)
    golden(two.persistence.carry_out(Order(2, "split", KEEP, KEEP)).fault)
