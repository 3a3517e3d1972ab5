"""Checks of an interface, before and after listening on it."""

from __future__ import annotations

from sensor.core.reader import clean
from sensor.doctor.card import Card
from sensor.doctor.finding import CheckResult, error, ok, warning

JOINING = {"rx-gro": "gro", "rx-lro": "lro", "rx-gro-hw": "rx-gro-hw", "rx-gro-list": "rx-gro-list"}
"""Offloads that join frames before a capture sees them → their names for ethtool -K."""

FAST = 1000
"""Mbit/s from which a small receive ring loses frames in a burst."""

SMALL = 1024
SHORTAGE = ("rx_missed_errors", "rx_fifo_errors", "rx_over_errors")
"""Counters of frames for which the card had no buffer."""

FAULTY = ("rx_crc_errors", "rx_frame_errors")


def interface(card: Card) -> CheckResult:
    """The interface exists, is up and has a carrier."""
    name = clean(card.name)
    if not card.there:
        return error("no interface has this name", "list interfaces: sensor interfaces")
    if not card.up:
        return error("it is down", f"ip link set {name} up")
    if card.carrier is False:
        return error(
            "no carrier: no cable, or the other end is down",
            "connect the cable, or enable the mirror port on the switch",
        )
    speed = f", {card.speed:,} Mbit/s" if card.speed else ""
    return ok(
        f"it is up{' and has a carrier' if card.carrier else ''}{speed}",
        mtu=card.mtu,
        speed=card.speed,
        physical=card.physical,
    )


def offloads(card: Card) -> CheckResult | None:
    """No offload merges frames before they are captured."""
    if not card.offloads or card.loopback:
        return None
    joining = [short for feature, short in JOINING.items() if card.offloads.get(feature)]
    if not joining:
        return ok("frames are not merged before capture (no GRO, no LRO)")
    words = " ".join(f"{short} off" for short in joining)
    found = (
        f"{', '.join(short.upper().removeprefix('RX-') for short in joining)} merges frames before "
        "capture: sizes and counts differ from the wire"
    )
    return warning(found, f"ethtool -K {clean(card.name)} {words}", offloads=" ".join(joining))


def vlan_offload(card: Card) -> CheckResult | None:
    """VLAN tags that the network card strips are delivered with the frame."""
    if "rx-vlan-hw-parse" not in card.offloads or card.loopback:
        return None
    if card.offloads["rx-vlan-hw-parse"]:
        return ok("the card strips VLAN tags, and the sensor receives them as metadata of the frame", rxvlan=True)
    return ok("VLAN tags stay in the frames", rxvlan=False)


def card_ring(card: Card) -> CheckResult | None:
    """The ring of the network card is large enough for its speed."""
    if not card.ring:
        return None
    facts = {"ring": card.ring, "most": card.ring_most}
    if card.ring < min(card.ring_most, SMALL) and card.speed >= FAST:
        found = (
            f"the receive ring of the card has {card.ring:,} of at most {card.ring_most:,} frames: bursts "
            f"are lost at {card.speed:,} Mbit/s"
        )
        return warning(found, f"ethtool -G {clean(card.name)} rx {card.ring_most}", **facts)
    return ok(f"the receive ring of the card has {card.ring:,} frames (at most {card.ring_most:,})", **facts)


def promiscuous(card: Card, wanted: bool) -> CheckResult | None:
    """During capture the interface is promiscuous. ``wanted``: by the configuration; ``card``: state during capture."""
    if card.loopback or card.promiscuous is None:
        return None
    if not wanted:
        return warning(
            "capture.promiscuous is off: frames for other hosts may be missing",
            "set capture: {promiscuous: true} in the configuration",
        )
    if not card.promiscuous:
        name = clean(card.name)
        return warning(
            "it did not become promiscuous: frames for other hosts are missing",
            f"ip link set {name} promisc on   (a virtual switch must allow it)",
        )
    return ok("promiscuous during capture: it receives frames for other hosts")


def kernel_drops(before: Card, after: Card) -> CheckResult:
    """Neither the network card nor the kernel dropped frames."""
    grown = {counter: after.counters.get(counter, 0) - value for counter, value in before.counters.items()}
    short, dropped = sum(grown.get(counter, 0) for counter in SHORTAGE), grown.get("rx_dropped", 0)
    facts = {counter: count for counter, count in grown.items() if count > 0}
    name = clean(after.name)
    if short > 0:
        advice = (
            f"ethtool -G {name} rx {after.ring_most}"
            if after.ring_most > after.ring
            else "mirror less traffic, or use a faster processor"
        )
        return warning(f"the card dropped {short:,} frames during the check: its ring was full", advice, **facts)
    if dropped > 0:
        advice = "raise net.core.netdev_max_backlog: sysctl -w net.core.netdev_max_backlog=10000"
        return warning(f"the kernel dropped {dropped:,} frames during the check before capture", advice, **facts)
    if grown.get("rx_length_errors", 0) > 0:
        advice = f"ip link set {name} mtu 9216"
        return warning(
            f"{grown['rx_length_errors']:,} frames were longer than the card accepts (MTU {after.mtu:,})",
            advice,
            **facts,
        )
    if sum(grown.get(counter, 0) for counter in FAULTY) > 0:
        return warning(
            "frames arrived damaged: invalid checksums (FCS)", "change the cable or the transceiver", **facts
        )
    return ok("neither the card nor the kernel dropped frames during the check", **facts)


BEFORE = (interface, offloads, vlan_offload, card_ring)
WHILE_CAPTURING = (promiscuous,)
AFTER = (kernel_drops,)
