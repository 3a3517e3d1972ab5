"""docs/plug_in/mirror.md: its Linux commands have the described effect, in network namespaces."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, shown
from tests.kit import ethernet, ipv4, udp_frame

TOOLS = [tool for tool in ("ip", "tc", "nft", "ethtool", "sysctl") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(bool(TOOLS), reason=f"not installed: {', '.join(TOOLS)}"),
]

FRAME = udp_frame("10.1.0.1", "10.1.0.2", b"as it was sent")
LISTEN = """
import select, socket, sys, time
frame, sent = bytes.fromhex(sys.argv[1]), socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
seen.bind((sys.argv[3], 0))
sent.bind((sys.argv[2], 0))
sent.send(frame)
found, end = False, time.monotonic() + 2
while not found and select.select([seen], [], [], max(end - time.monotonic(), 0))[0]:
    found = seen.recv(65536) == frame  # not one that Linux sends on an interface that comes up
print(found)
"""

SEND = """
import socket, sys, time
far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
far.bind((sys.argv[2], 0))
far.send(bytes.fromhex(sys.argv[1]))
time.sleep(0.2)
"""
RECEIVE = """
import select, socket, sys, time
far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
far.bind((sys.argv[1], 0))
mac, count, end = bytes.fromhex(sys.argv[2].replace(":", "")), 0, time.monotonic() + 2
while select.select([far], [], [], max(end - time.monotonic(), 0))[0]:
    count += far.recv(65536)[6:12] == mac
print(count)
"""
MAC = "02:00:00:00:00:02"


def block_of(start: str) -> str:
    """The block of commands on the page that contains a word."""
    return next(block for block in shown(DOCS / "plug_in" / "mirror.md", "sh") if start in block)


def without_us(block: str) -> str:
    """The commands before the sensor is started."""
    return "".join(line for line in block.splitlines(keepends=True) if not line.startswith("sensor "))


def in_namespace(script: str, state: str = "up") -> str:
    """The output of a shell in a network namespace where eth0 and eth1 lead to peers that are up. An error ends it."""
    made = "".join(
        (
            f"ip link add eth{place} type veth peer name far{place} && ip link set far{place} up && ip link "
            f"set eth{place} {state}\n"
        )
        for place in (0, 1)
    )
    reported = subprocess.run(
        ["unshare", "--net", "sh", "-e", "-c", made + script], capture_output=True, text=True, check=False, timeout=120
    )
    assert reported.returncode == 0, reported.stderr
    return reported.stdout


def seen(at: str, to: str) -> str:
    """A shell line: whether a frame sent at one interface arrives at another."""
    return f"{sys.executable} -c '{LISTEN}' {FRAME.hex()} {at} {to}\n"


@pytest.mark.parametrize(("at", "way"), [("far0", "received"), ("eth0", "sent")])
def test_linux_mirrors_both_directions(at: str, way: str) -> None:
    """Frames that eth0 receives and sends arrive at the capture interface, until the mirror is removed."""
    on = without_us(block_of("tc filter"))
    off = "tc qdisc del dev eth0 clsact\n"
    assert off.strip() in (DOCS / "plug_in" / "mirror.md").read_text(encoding="utf-8")
    reported = in_namespace(seen(at, "far1") + on + seen(at, "mirror1") + off + seen(at, "mirror1"))
    assert reported.split() == ["False", "True", "False"], way


def test_the_interface_of_the_mirror_reports_nothing() -> None:
    """Linux sends IPv6 messages on an interface that comes up, unless that is disabled, as on the page."""
    quiet = without_us(block_of("ethtool"))
    received = f"{sys.executable} -c '{RECEIVE}' far1 {MAC}\n"
    named = f"ip link set eth1 address {MAC}\nsysctl -qw net.ipv6.conf.far1.disable_ipv6=1\n"
    assert in_namespace(f"{named}(sleep 0.3; {quiet}) >/dev/null & {received}", "down").split() == ["0"]
    assert int(in_namespace(f"{named}(sleep 0.3; ip link set eth1 up) & {received}", "down")) > 0


def test_packets_in_a_tunnel_are_not_answered() -> None:
    """Linux answers GRE with an ICMP error unless it is dropped: a sensor sends nothing to the monitored network."""
    lines = without_us(block_of("nft add")).splitlines(keepends=True)
    address, drop = ("".join(line for line in lines if line.startswith(word)) for word in ("ip ", "nft "))
    assert len(lines) == len(address.splitlines()) + len(drop.splitlines())
    count = "awk '/^Icmp: [0-9]/ { print $16 }' /proc/net/snmp\n"
    before, answered, silent = in_namespace(
        f"ip link set eth1 address {MAC}\n{address}{count}{_gre()}{count}{drop}{_gre()}{count}"
    ).split()
    assert (before, answered, silent) == ("0", "1", "1")


def _gre() -> str:
    """A shell line: a packet of ERSPAN to 10.1.0.20, sent at far1."""
    frame = ethernet(
        ipv4(bytes.fromhex("000088be"), 47, "10.1.0.1", "10.1.0.20"), 0x0800, dst=int(MAC.replace(":", ""), 16)
    )
    return f"{sys.executable} -c '{SEND}' {_summed(frame).hex()} far1\n"


def _summed(frame: bytes) -> bytes:
    """Sets the checksum of the IPv4 header, which Linux checks."""
    total = sum(struct.unpack(">10H", frame[14:34]))
    return frame[:24] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + frame[26:]
