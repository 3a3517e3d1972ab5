"""Checks of the traffic of an interface or of a capture."""

from __future__ import annotations

from sensor.core.addresses import V4, mac_text, text
from sensor.doctor.finding import CheckResult, error, ok, warning
from sensor.doctor.traffic import Seen

FEWEST, FEWEST_CONNECTIONS = 100, 10
"""Frames and connections below which a share is not meaningful."""

ALL_OWN, ONE_WAY, TWICE, CUT, OUTSIDE, LOST = 0.99, 0.5, 0.05, 0.01, 0.5, 0.01
"""Shares from which a check fails."""

JUMBO = 9234
"""The longest frame that switches forward; longer ones in a capture were joined."""

HEADERS = 22
"""Size of the Ethernet header and a VLAN tag, which the MTU excludes."""

LATE_NS, SKEW_NS = 2_000_000_000, 100_000_000
MIRROR = "check whether this is the mirror (SPAN) port: the switch must copy both directions of the other ports to it"


def traffic(seen: Seen) -> CheckResult:
    """Packets arrive."""
    if not seen.packets:
        return error("no traffic at all", MIRROR if seen.live else "capture again: the file contains no packets")
    span = (seen.last - seen.first) / 1e9
    rate = f" ({seen.packets / span:,.0f} a second)" if span >= 1 else ""
    return ok(f"{seen.packets:,} frames in {span:,.1f} s{rate}", packets=seen.packets, seconds=round(span, 3))


def mirror(seen: Seen) -> CheckResult | None:
    """The traffic contains unicast frames of other hosts, not only traffic that every port receives."""
    if not seen.ethernet or (seen.unicast and not seen.busiest_mac):  # a loopback interface: every MAC is zero
        return None
    facts = {"unicast": seen.unicast, "own": seen.own, "broadcast": seen.broadcast, "group": seen.group}
    if seen.unicast and seen.own >= ALL_OWN * seen.unicast:
        return warning(
            f"only traffic of this host ({seen.own:,} of {seen.unicast:,} unicast frames)",
            MIRROR,
            **facts,
        )
    if not seen.unicast and (seen.live or seen.ethernet >= FEWEST):
        return warning("only broadcast and multicast, no unicast between hosts", MIRROR, **facts)
    if not seen.live and seen.unicast >= FEWEST and seen.busiest >= ALL_OWN * seen.unicast:
        found = f"every frame is from or to one host, {mac_text(seen.busiest_mac)}"
        return warning(found, "correct if this is the router whose port is mirrored; otherwise " + MIRROR, **facts)
    return ok(
        f"{seen.unicast:,} frames between hosts, {seen.unicast - seen.own:,} of them of other hosts than this one"
        if seen.live
        else "several hosts communicate",
        **facts,
    )


def broadcast(seen: Seen) -> CheckResult | None:
    """Discovery protocols are present: broadcast and multicast messages identify devices."""
    if seen.ethernet < FEWEST:
        return None
    if not seen.broadcast:
        groups = f", {seen.group:,} multicast frames" if seen.group else ""
        found = f"no broadcast in {seen.ethernet:,} frames{groups}, which identify most devices"
        return warning(
            found,
            ("mirror the VLAN, or the ports of the devices, rather than only an uplink; capture longer: --seconds 120"),
        )
    return ok(
        (
            f"broadcast is seen: {seen.broadcast:,} of {seen.ethernet:,} frames; multicast: "
            f"{seen.group - seen.broadcast:,}"
        ),
        broadcast=seen.broadcast,
    )


def directions(seen: Seen) -> CheckResult | None:
    """Both directions of connections are present."""
    talking = seen.both + seen.one
    if talking < FEWEST_CONNECTIONS:
        return None
    facts = {"one_side": seen.one, "of": talking}
    if seen.one > ONE_WAY * talking:
        advice = "mirror both directions (rx and tx, `both`); with a TAP capture both of its outputs: -i A -i B"
        return warning(f"{seen.one:,} of {talking:,} connections are seen in one direction only", advice, **facts)
    return ok(f"both directions are seen ({seen.both:,} of {talking:,} connections)", **facts)


def vlan_tags(seen: Seen) -> CheckResult | None:
    """Separate networks are distinguished by VLAN tags."""
    if not seen.ethernet:
        return None
    if seen.tagged:
        names = ", ".join(map(str, sorted(seen.vlans)[:8])) + (" …" if len(seen.vlans) > 8 else "")
        return ok(f"VLAN tags are seen: {names}", vlans=len(seen.vlans), tagged=seen.tagged)
    if len(seen.networks) > 1:
        blocks = ", ".join(text(V4 | block << 8) + "/24" for block in seen.networks[:4])
        advice = (
            "if these are VLANs, let the mirror keep the tags (Cisco: encapsulation replicate; VMware: a "
            "port group of VLAN 4095)"
        )
        return warning(
            f"no VLAN tag, although hosts of {len(seen.networks)} networks send ARP requests on one link: {blocks}",
            advice,
            networks=len(seen.networks),
        )
    return ok("no VLAN tags, and no indication of several networks")


def whole_frames(seen: Seen) -> CheckResult | None:
    """Frames are not truncated."""
    if not seen.packets:
        return None
    if seen.truncated > CUT * seen.packets:
        advice = (
            "raise capture.snaplen in the configuration, or remove it"
            if seen.live
            else "capture whole frames: tcpdump -s 0"
        )
        return warning(f"{seen.truncated:,} of {seen.packets:,} frames were truncated", advice, cut=seen.truncated)
    return ok("frames are captured completely", cut=seen.truncated)


def joined_frames(seen: Seen) -> CheckResult | None:
    """No frame is longer than the link allows."""
    most = seen.mtu + HEADERS if seen.mtu else JUMBO
    if seen.longest <= most:
        return None
    found = f"frames of up to {seen.longest:,} bytes, longer than the link allows: they were merged before capture"
    return warning(
        found,
        "ethtool -K IF gro off lro off, and between virtual machines tso off gso off on the senders",
        longest=seen.longest,
    )


def repeats(seen: Seen) -> CheckResult | None:
    """Frames are not duplicated."""
    if seen.compared < FEWEST:
        return None
    share = seen.repeats / seen.compared
    facts = {"repeats": seen.repeats, "of": seen.compared, "share": round(share, 4)}
    if share < TWICE:
        return ok("frames are seen once", **facts)
    of = "every frame arrives" if share >= 0.45 else f"{2 * share:.0%} of the frames arrive"
    return warning(
        f"{of} twice within 5 ms: both ends are mirrored",
        "mirror one end: the ports received (rx) of all, or both directions of one uplink",
        **facts,
    )


def inside(seen: Seen) -> CheckResult | None:
    """The configured networks contain the hosts of the mirrored links. Without them lateral movement and scans between
    these hosts are not reported, or with low severity. Addresses behind routers may be anyone's.
    """
    if seen.addressed < FEWEST:
        return None
    facts = {"outside": seen.outside, "of": seen.addressed, "local": seen.local, "local_outside": seen.local_outside}
    if seen.local >= FEWEST and seen.local_outside > OUTSIDE * seen.local:
        blocks = ", ".join(seen.blocks)
        found = (
            f"{seen.local_outside:,} of {seen.local:,} frames between local hosts are between external addresses "
            f"({blocks}): attacks between these hosts are missed, or have low severity"
        )
        return warning(
            found, f"add your address blocks to the configuration, for example networks: [{blocks}]", **facts
        )
    if seen.outside > OUTSIDE * seen.addressed:
        return ok(
            f"{seen.outside:,} of {seen.addressed:,} frames are between external addresses behind routers", **facts
        )
    return ok(
        f"addresses match the internal networks ({seen.addressed - seen.outside:,} of {seen.addressed:,} frames)",
        **facts,
    )


def own_drops(seen: Seen) -> CheckResult | None:
    """The ring of the sensor dropped no packets."""
    if not seen.live:
        return None
    sent = seen.packets + seen.lost
    advice = "raise capture.ring_mib, or share the load: capture.rings, in the configuration"
    if sent and seen.lost > LOST * sent:
        return error(f"the capture ring dropped {seen.lost:,} of {sent:,} frames", advice, lost=seen.lost, of=sent)
    if seen.lost:
        return warning(f"the capture ring dropped {seen.lost:,} of {sent:,} frames", advice, lost=seen.lost, of=sent)
    return ok("the capture ring dropped no frames")


def capture_clock(seen: Seen) -> CheckResult | None:
    """Timestamps of frames agree with the clock of the host."""
    if not seen.live or seen.lag is None:
        return None
    late = round(seen.lag / 1e9, 3)
    if -SKEW_NS <= seen.lag <= LATE_NS:
        return ok("capture times match the clock of this host", lag_s=late)
    way = "behind" if late > 0 else "ahead of"
    return warning(
        f"capture times are {abs(late):,.1f} s {way} the clock of this host",
        "stop the sensor, set the clock, and start again",
        lag_s=late,
    )


TRAFFIC = (
    traffic, mirror, broadcast, directions, vlan_tags, whole_frames, joined_frames, repeats, inside, own_drops,
    capture_clock,
)  # fmt: skip
