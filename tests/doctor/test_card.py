"""The checks of an interface, and the state that the kernel reports of a real one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sensor.doctor import card_checks
from sensor.doctor.card import Card, look
from sensor.doctor.ethtool import asking, features, receive_ring
from tests.golden import Golden

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="interfaces are read from the Linux kernel")
WELL = {"rx-gro": False, "rx-lro": False, "rx-gro-hw": False, "rx-vlan-hw-parse": True, "tx-tcp-segmentation": True}


def card(**more: object) -> Card:
    """A network card with correct settings."""
    usual = {
        "there": True,
        "up": True,
        "carrier": True,
        "promiscuous": True,
        "mtu": 1500,
        "speed": 10_000,
        "offloads": WELL,
        "ring": 4096,
        "ring_most": 4096,
    }
    return Card("eth7", **(usual | more))


def test_a_card_that_is_set_well() -> None:
    """Each check is ok."""
    assert {check(card()).level for check in card_checks.BEFORE} == {"ok"}
    assert card_checks.promiscuous(card(), wanted=True).level == "ok"
    assert card_checks.kernel_drops(card(), card()).level == "ok"


@pytest.mark.parametrize(
    "more",
    [
        {"there": False},
        {"up": False, "carrier": None},
        {"carrier": False},
    ],
)
def test_an_interface_on_which_nothing_can_come(golden: Golden, more: dict[str, object]) -> None:
    """An interface that is absent, down or without carrier is an error, with the command where there is one."""
    found = card_checks.interface(card(**more))
    assert found.level == "error"
    golden(found.advice)


@pytest.mark.parametrize(
    ("on", "expected"),
    [(["rx-gro"], "gro off"), (["rx-gro", "rx-lro"], "gro off lro off"), (["rx-gro-hw"], "rx-gro-hw off")],
)
def test_offloads_that_join_frames(on: list[str], expected: str) -> None:
    """The advice is one command that turns off all receive offloads; offloads of sent frames are no fault."""
    found = card_checks.offloads(card(offloads=WELL | dict.fromkeys(on, True)))
    assert (found.level, found.advice) == ("warning", f"ethtool -K eth7 {expected}")


def test_offloads_that_are_not_reported() -> None:
    """There is no finding where the driver reports no features, or for loopback."""
    assert card_checks.offloads(card(offloads={})) is None
    assert card_checks.offloads(card(offloads={"rx-gro": True}, loopback=True)) is None
    assert card_checks.vlan_offload(card(offloads={})) is None
    assert card_checks.promiscuous(card(loopback=True, promiscuous=False), wanted=True) is None


@pytest.mark.parametrize(
    ("ring", "most", "speed", "level"),
    [(256, 4096, 10_000, "warning"), (256, 4096, 100, "ok"), (256, 256, 10_000, "ok"), (1024, 4096, 10_000, "ok")],
)
def test_the_ring_of_the_card(ring: int, most: int, speed: int, level: str) -> None:
    """A ring buffer too small for its speed, where the driver allows a larger one."""
    found = card_checks.card_ring(card(ring=ring, ring_most=most, speed=speed))
    assert (found.level, found.advice) == (level, f"ethtool -G eth7 rx {most}" if level == "warning" else "")
    assert card_checks.card_ring(card(ring=0, ring_most=0)) is None


def test_a_card_that_keeps_frames_for_others_back() -> None:
    """The advice is the command for promiscuous mode, or the setting where the configuration disables it."""
    advice = card_checks.promiscuous(card(promiscuous=False), wanted=True).advice
    assert advice.startswith("ip link set eth7 promisc ")
    assert "capture: {promiscuous: true}" in card_checks.promiscuous(card(), wanted=False).advice


@pytest.mark.parametrize(
    ("counter", "advice"),
    [
        ("rx_missed_errors", "ethtool -G eth7 rx 4096"),
        ("rx_fifo_errors", "ethtool -G eth7 rx 4096"),
        ("rx_dropped", "raise net.core.netdev_max_backlog"),
        ("rx_length_errors", "ip link set eth7 mtu 9216"),
        ("rx_crc_errors", "change the cable"),
    ],
)
def test_counters_that_grow_meanwhile(counter: str, advice: str) -> None:
    """Each has its advice; drops from before the first reading do not count."""
    before, after = card(ring=512, counters={counter: 5}), card(ring=512, counters={counter: 9})
    found = card_checks.kernel_drops(before, after)
    assert (found.level, found.facts, found.advice[: len(advice)]) == ("warning", {counter: 4}, advice)
    assert card_checks.kernel_drops(after, after).level == "ok"


@linux
def test_the_loopback_interface() -> None:
    """The loopback interface exists on every machine."""
    found = look("lo")
    assert (found.there, found.loopback, found.physical, found.mac) == (True, True, False, 0)
    assert found.mtu > 1500
    assert found.offloads.keys() >= {"rx-gro", "rx-lro"}
    assert "rx_dropped" in found.counters


@linux
@pytest.mark.parametrize("name", ["nosuch0", "../../etc", "a b", "", "a" * 40, "\udcff"])
def test_a_name_that_no_interface_has(name: str) -> None:
    """Nothing is read for it, whatever characters it has."""
    assert look(name) == Card(name)


@linux
def test_a_system_that_shows_another_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """/sys may belong to another namespace: values found only there are absent, and give no false finding."""
    monkeypatch.setattr("sensor.doctor.card.FOLDER", tmp_path)
    found = look("lo")
    assert (found.there, found.promiscuous, found.carrier) == (True, None, None)
    assert card_checks.promiscuous(found, wanted=True) is None
    assert card_checks.kernel_drops(found, found).level == "ok"


@linux
def test_a_driver_that_does_not_answer() -> None:
    """The card has no features and no ring, and there is no error."""
    with asking() as sock:
        assert (features(sock, "nosuch0"), receive_ring(sock, "nosuch0")) == ({}, (0, 0))
