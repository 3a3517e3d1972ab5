"""Scenarios of the traffic checks: an office that is mirrored correctly, and each way to mirror it incorrectly."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.doctor import traffic_checks
from sensor.doctor.traffic import LOOKED, Seen
from tests.doctor.office import (
    MS,
    START,
    Timed,
    arp,
    changed,
    failed_checks,
    findings_of,
    keepalive,
    mac,
    office,
    seen,
    segment,
)
from tests.golden import Golden
from tests.kit import ethernet, ipv4, udp

OWN = mac("10.0.0.200")


def is_broadcast(frame: bytes) -> bool:
    return frame[:6] == b"\xff" * 6


@pytest.mark.parametrize("live", [False, True])
def test_an_office_that_is_mirrored_well(live: bool) -> None:
    """All checks are ok; checks that need a live interface are absent for a capture file."""
    one = seen(office(), live=live, own=0x020000000001 if live else 0)
    assert failed_checks(one) == {}
    messages = set(findings_of(one))
    assert messages >= {
        "traffic",
        "mirror",
        "broadcast",
        "directions",
        "vlan_tags",
        "whole_frames",
        "repeats",
        "inside",
    }
    assert {"own_drops", "capture_clock"} & messages == ({"own_drops", "capture_clock"} if live else set())
    assert findings_of(one)["traffic"].found == "270 frames in 5.4 s (50 a second)"


def test_no_traffic_at_all() -> None:
    """Only one error is reported: the absence of traffic."""
    assert failed_checks(seen([], live=True)) == {"traffic": "error"}
    assert "SPAN" in findings_of(seen([], live=True))["traffic"].advice


def test_any_port_of_a_switch(golden: Golden) -> None:
    """The machine sees its own traffic and broadcasts only, so that nothing is mirrored."""
    here = changed(
        office(), lambda frame: frame if is_broadcast(frame) or OWN.to_bytes(6, "big") in frame[:12] else None
    )
    found = findings_of(seen(here, live=True, own=OWN))["mirror"]
    assert found.level == "warning"
    golden(found.found)
    assert findings_of(seen(office(), live=True, own=OWN))["mirror"].level == "ok"


def test_a_port_without_conversations() -> None:
    """Broadcasts alone are an error."""
    quiet = changed(office(), lambda frame: frame if is_broadcast(frame) else None)
    assert failed_checks(seen(quiet, live=True, own=OWN)) == {"mirror": "warning"}


def test_a_capture_of_one_machine() -> None:
    """The finding names its MAC, since a capture file does not state the capturing machine."""
    alone = changed(office() * 2, lambda frame: frame if OWN.to_bytes(6, "big") in frame[:12] else None)
    found = findings_of(seen(alone))["mirror"]
    assert (found.level, "00:17:c8:00:00:c8" in found.found) == ("warning", True)


def test_an_uplink_without_broadcast() -> None:
    """Without broadcasts, devices cannot be identified by their announcements."""
    assert failed_checks(seen(changed(office(), lambda frame: None if is_broadcast(frame) else frame), live=True)) == {
        "broadcast": "warning"
    }


@pytest.mark.parametrize("way", [0, 1])
def test_one_direction(way: int) -> None:
    """Only requests of clients, or only responses of servers, are a fault."""
    port = struct.pack("!H", 445)
    place = 14 + 20 + (2 if way == 0 else 0)
    half = changed(office(), lambda frame: frame if is_broadcast(frame) or frame[place : place + 2] == port else None)
    found = findings_of(seen(half))["directions"]
    assert (found.level, found.facts) == ("warning", {"one_side": 30, "of": 30})


def test_scans_are_not_one_direction() -> None:
    """A connection without an answer carries no payload and does not count."""
    scan: list[Timed] = [(START + MS * n, segment(f"10.0.0.{n}", "10.0.9.9", n, flags=2)[:54]) for n in range(1, 200)]
    assert "directions" not in failed_checks(seen(office() + scan))


def test_every_frame_twice() -> None:
    """Both ends of each link are mirrored: the share of duplicates is reported, however batches are cut."""
    twice = office() + [(ts + MS // 10, frame) for ts, frame in office()]
    for step in (1, 7, 1000):
        one = seen(twice, step=step)
        assert failed_checks(one) == {"repeats": "warning"}
        assert findings_of(one)["repeats"].found.startswith("every frame arrives twice")
        assert (one.repeats, one.compared) == (240, 480)


def test_some_frames_twice_and_one_copy_with_a_tag(golden: Golden) -> None:
    """A trunk and a port of one VLAN are mirrored: duplicates differ by the tag only."""
    copies = [(ts + MS, frame[:12] + struct.pack("!HH", 0x8100, 30) + frame[12:]) for ts, frame in office()[::4]]
    found = findings_of(seen(office() + copies))["repeats"]
    assert (found.level, found.facts["repeats"]) == ("warning", 60)
    golden(found.found, "40% of")


def test_what_is_no_repeat() -> None:
    """Identical keep-alives every 20 ms and packets forwarded by a router (other MACs, lower TTL) are no duplicates."""
    assert seen(keepalive(200)).repeats == 0
    routed = [
        (ts + MS, OWN.to_bytes(6, "big") + frame[6:22] + b"\x3f" + frame[23:])
        for ts, frame in office()
        if not is_broadcast(frame)
    ]
    assert seen(office() + routed).repeats == 0


def test_announcements_that_are_made_twice() -> None:
    """TVs send each announcement twice in a millisecond, and a flood sends one frame a thousand times: no mirroring
    fault.
    """
    group = 0x01005E7FFFFA
    announced = [
        (START + 20 * MS * (n // 2), ethernet(ipv4(udp(b"NOTIFY %d" % (n // 2), 1900, 1900), 17), 0x0800, dst=group))
        for n in range(300)
    ]
    flood = [(START + MS // 10 * n, keepalive(1)[0][1]) for n in range(1000)]
    assert "repeats" not in failed_checks(seen(office() + announced))
    for step in (1, 7, 1000):
        assert seen(flood, step=step).repeats <= 1


def test_only_the_first_of_a_large_batch_are_looked_at() -> None:
    """The checks read a bounded number of frames per batch; all frames are counted."""
    one = seen(keepalive(LOOKED + 500), step=LOOKED + 500)
    assert (one.compared, one.packets) == (LOOKED, LOOKED + 500)


def test_vlan_tags_that_were_lost() -> None:
    """Two subnets without ARP between them, and without tags, are reported."""
    found = findings_of(seen(office("10.0.0") + office("192.168.7")))["vlan_tags"]
    assert (found.level, found.facts) == ("warning", {"networks": 2})
    assert "192.168.7.0/24" in found.found


def test_vlan_tags_that_are_there(golden: Golden) -> None:
    """The same traffic with tags is ok."""
    found = findings_of(seen(office("10.0.0", vlan=20) + office("192.168.7", vlan=30)))["vlan_tags"]
    assert found.level == "ok"
    golden(found.found)


def test_one_network_that_is_wide() -> None:
    """ARP across two /24s means one wide subnet; stray, link-local and unspecified addresses make none."""
    wide = [(START, arp("10.0.0.5", "10.0.1.9")), (START, arp("10.0.1.9", "10.0.0.5"))]
    stray = (
        [(START, arp("172.16.4.4", "172.16.4.1"))]
        + [(START, arp("169.254.3.3", "169.254.3.9"))] * 9
        + [(START, arp("0.0.0.0", "10.0.0.9"))] * 9
    )
    assert failed_checks(seen(office("10.0.0") + office("10.0.1") + wide + stray)) == {}


def test_frames_that_were_cut() -> None:
    """Frames truncated by a snapshot length of 96 bytes are reported; one in a thousand is not."""
    one = seen(office(), cut=96)
    assert failed_checks(one) == {"whole_frames": "warning"}
    assert findings_of(one)["whole_frames"].advice == "capture whole frames: tcpdump -s 0"
    assert traffic_checks.whole_frames(Seen(packets=10_000, truncated=10)).level == "ok"


def test_frames_that_were_joined() -> None:
    """Frames longer than the MTU of the interface are reported; in a capture file they may be jumbo frames."""
    giant = [(START, ethernet(ipv4(udp(bytes(2000)), 17), 0x0800))]
    assert failed_checks(seen(office() + giant, live=True, mtu=1500)) == {"joined_frames": "warning"}
    assert failed_checks(seen(office() + giant, live=True, mtu=9000)) == {}
    assert failed_checks(seen(office() + giant)) == {}


def test_networks_that_are_not_named() -> None:
    """With public addresses all hosts look external until their block is configured; the advice names it."""
    found = findings_of(seen(office("203.0.113")))["inside"]
    facts = {"outside": 240, "of": 240, "local": 240, "local_outside": 240}
    assert (found.level, found.facts) == ("warning", facts)
    assert "networks: [203.0.113.0/24]" in found.advice
    assert failed_checks(seen(office("203.0.113"), networks=["203.0.113.0/24"])) == {}


def forwarded(frame: bytes) -> bytes:
    """The frame after a router."""
    return frame[:22] + bytes([frame[22] - 1]) + frame[23:]


def between(sender: int, receiver: int, frame: bytes) -> bytes:
    """The frame on a link between two MACs."""
    return receiver.to_bytes(6, "big") + sender.to_bytes(6, "big") + frame[12:]


def test_external_hosts_behind_routers() -> None:
    """An uplink, between two routers, and a public server with clients behind its gateway show no local hosts, also if
    the hop limits are those of senders: their addresses may be anyone's.
    """
    flow = [frame for _, frame in office("203.0.113") if not is_broadcast(frame)]
    one, other = mac("10.0.0.1"), mac("10.0.0.2")
    links = [[between(one, other, forwarded(frame)) for frame in flow], [between(one, other, frame) for frame in flow]]
    clients = [(f"198.51.{n}.7", n) for n in range(120)]
    requests = [between(one, other, forwarded(segment(client, "203.0.113.5", n))) for client, n in clients]
    served = [between(other, one, segment(client, "203.0.113.5", n, back=True)) for client, n in clients]
    for frames in (*links, requests + served):
        found = findings_of(seen([(START + 20 * MS * n, frame) for n, frame in enumerate(frames)]))["inside"]
        assert (found.level, found.facts["local"]) == ("ok", 0)
        assert found.facts["outside"] == found.facts["of"] == len(frames)


def test_public_hosts_that_use_the_web() -> None:
    """Most traffic of an office goes through its gateway; that between its hosts decides."""
    web = [
        (START + MS * n, between(mac("203.0.113.2"), mac("203.0.113.1"), segment("203.0.113.2", f"198.51.{n}.7", n)))
        for n in range(250)
    ]
    assert failed_checks(seen(office("203.0.113") + web))["inside"] == "warning"
    assert failed_checks(seen(office() + web)) == {}


def test_people_on_the_web_are_inside() -> None:
    """Connections with one external end are normal."""
    web = [(START + MS * n, segment("10.0.0.9", f"198.51.100.{n}", n)) for n in range(200)]
    assert findings_of(seen(office() + web))["inside"].level == "ok"


@pytest.mark.parametrize(("lost", "level"), [(0, "ok"), (1, "warning"), (3, "error")])
def test_losses_of_our_own_ring(lost: int, level: str) -> None:
    """Packet loss above one percent is an error."""
    assert findings_of(seen(office(), live=True, lost=lost))["own_drops"].level == level


@pytest.mark.parametrize(
    ("lag", "messages"), [(40 * MS, ""), (-3600_000 * MS, "3,600.0 s ahead of"), (5000 * MS, "5.0 s behind")]
)
def test_capture_times_and_our_clock(lag: int, messages: str) -> None:
    """A difference beyond what a ring can delay is reported."""
    found = traffic_checks.capture_clock(Seen(packets=1, live=True, lag=lag))
    assert (found.level == "warning", messages in found.found) == (bool(messages), True)


def test_few_frames_report_nothing_about_a_share() -> None:
    """Nine copies of a frame in nine milliseconds are too few for a finding."""
    few = [(START + MS * n, frame) for n, (_, frame) in enumerate(keepalive(9))]
    assert set(findings_of(seen(few))) == {"traffic", "mirror", "vlan_tags", "whole_frames"}


def test_frames_that_are_nonsense() -> None:
    """Random bytes, empty frames and truncated headers are counted and raise no exception."""
    junk = [bytes(range(n % 256))[: n % 70] for n in range(300)] + [arp("10.0.0.1", "10.0.0.2")[:n] for n in range(42)]
    one = seen([(START + MS * n, frame) for n, frame in enumerate(junk)])
    assert one.packets == 342
    assert findings_of(one)["traffic"].level == "ok"


def test_a_loopback_interface_is_no_mirror() -> None:
    """Its MACs are all zero: there are no findings about hosts."""
    frame = ethernet(ipv4(udp(b"x"), 17, "127.0.0.1", "127.0.0.1"), 0x0800, src=0, dst=0)
    assert "mirror" not in findings_of(seen([(START + 30 * MS * n, frame) for n in range(200)], live=True))


def test_addresses_of_both_families_are_placed() -> None:
    """Private and link-local addresses are internal, by their /64; unspecified and multicast ones are left out."""
    six = struct.pack("!IHBB", 6 << 28, 9, 17, 64)
    ends = [("fd00::1", "fe80::2"), ("2001:db8::1", "2001:db8::2"), ("fd00::1", "ff02::fb"), ("::", "fd00::1")]
    frames = [
        ethernet(six + parse(a).to_bytes(16, "big") + parse(b).to_bytes(16, "big") + udp(b"x"), 0x86DD) for a, b in ends
    ]
    one = seen([(START + 30 * MS * n, frame) for n, frame in enumerate(frames)])
    assert (one.addressed, one.outside) == (2, 1)


def test_public_hosts_over_ipv6() -> None:
    """The advice names their /64."""
    ends = ("2001:db8:7::1", "2001:db8:7::2")
    frames = []
    for n in range(120):
        one, other = ends if n % 2 else ends[::-1]
        packet = struct.pack("!IHBB", 6 << 28, 9, 17, 64) + b"".join(parse(e).to_bytes(16, "big") for e in (one, other))
        frames.append((START + 30 * MS * n, ethernet(packet + udp(b"x"), 0x86DD, src=mac(one), dst=mac(other))))
    found = findings_of(seen(frames))["inside"]
    assert (found.level, "networks: [2001:db8:7::/64]" in found.advice) == ("warning", True)
