"""The scenes of pcaps/lab can be played again: namespaces, bridge, router and mirror port work as recorded, and are
removed afterwards.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dpkt
import pytest

from pcaps.lab._lab import Lab
from pcaps.lab.attacks import poisoning

TOOLS = [tool for tool in ("ip", "ethtool", "tcpdump", "sysctl", "ss", "ping") if shutil.which(tool) is None]
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(TOOLS), reason=f"not installed: {', '.join(TOOLS)}")]


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    namespaces = set(lab._namespaces)
    try:
        yield lab
    finally:
        namespaces |= set(lab._namespaces)
        lab.close()
    left = {
        line.split()[0]
        for line in subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout.splitlines()
    }
    assert not namespaces & left
    assert not lab.folder.exists()


def packets(path: Path) -> list[dpkt.ip.IP]:
    with path.open("rb") as file:
        frames = [dpkt.ethernet.Ethernet(frame) for _, frame in dpkt.pcap.Reader(file)]
    return [frame.data for frame in frames if isinstance(frame.data, dpkt.ip.IP)]


def test_the_mirror_sees_the_segment_and_the_way_out(lab: Lab, tmp_path: Path) -> None:
    """Each packet is seen once: between two hosts, and to one beyond the router, with one hop less."""
    one = lab.host("one", "10.20.10.21")
    other = lab.host("other", "10.20.10.22")
    far = lab.external("far", "198.51.100.9")
    with lab.mirror(tmp_path / "seen.pcap"):
        for host in (other, far):
            assert "1 received" in lab.run(one, "ping", "-c", "1", "-W", "2", host.ip)
    seen = Counter(
        (packet.src[-1], packet.dst[-1], packet.ttl)
        for packet in packets(tmp_path / "seen.pcap")
        if isinstance(packet.data, dpkt.icmp.ICMP)
    )
    assert seen == {(21, 22, 64): 1, (22, 21, 64): 1, (21, 9, 64): 1, (9, 21, 63): 1}


def test_a_server_of_ours_answers(lab: Lab) -> None:
    """The server is reachable once ``serve`` returns, and answers by path."""
    server, client = lab.host("server", "10.20.10.5"), lab.host("client", "10.20.10.21")
    lab.serve(server, "pages", port=80)
    program = "import urllib.request; print(len(urllib.request.urlopen('http://10.20.10.5/x-3000.exe').read()))"
    assert lab.run(client, "python3", "-c", program).split() == ["3000"]


def test_a_scene_is_played_again(lab: Lab, tmp_path: Path) -> None:
    """The poisoner answers each query."""
    play = poisoning.names(lab)
    next(play)
    with lab.mirror(tmp_path / "names.pcap"):
        next(play, None)
    udp = [packet for packet in packets(tmp_path / "names.pcap") if isinstance(packet.data, dpkt.udp.UDP)]
    attacker = bytes((10, 20, 10, 66))
    answers = [packet for packet in udp if packet.src == attacker]
    assert len(answers) == 3 * len(poisoning.NAMES)
    assert len(udp) == 2 * len(answers)
