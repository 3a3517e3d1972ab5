"""Reading evidence: every frame that was written, and damaged files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from sensor.evidence.read import NotReadable, frames_of
from sensor.evidence.ring import Frame
from sensor.evidence.writer import interface, packet, section

ENDS = {"src": "00:17:c8:00:00:01", "dst": "00:17:c8:00:00:02"}
FRAMES = {
    "TCP 10.0.0.1:50000 → 10.0.0.2:445 SYN": Ether(**ENDS)
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / TCP(sport=50000, dport=445, flags="S"),
    "VLAN 30 UDP 10.0.0.1:50000 → 10.0.0.2:53": Ether(**ENDS)
    / Dot1Q(vlan=30)
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=50000, dport=53)
    / DNS(),
    "TCP [2001:db8::1]:1 → [2001:db8::2]:2 SYN, ACK": Ether(**ENDS)
    / IPv6(src="2001:db8::1", dst="2001:db8::2")
    / TCP(sport=1, dport=2, flags="SA"),
    "ARP 00:17:c8:00:00:01 → 00:17:c8:00:00:02": Ether(**ENDS) / ARP(),
}


def written(tmp_path: Path, frames: list[bytes]) -> Path:
    """A file as the writer creates it."""
    path = tmp_path / "alert-aaaaaa.pcapng"
    blocks = [section("about", "sensor"), interface(1)]
    blocks += [
        packet(0, Frame(1_795_508_220_000_000_000 + number, 1, len(data) + 7, data), data, f"frame {number}")
        for number, data in enumerate(frames)
    ]
    path.write_bytes(b"".join(blocks))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Bytes, times to the nanosecond, sizes on the wire, comments, and a summary of headers."""
    made = [bytes(frame) for frame in FRAMES.values()]
    found = list(frames_of(written(tmp_path, made), 10))
    assert [one.data for one in found] == made
    assert [one.ts for one in found] == [1_795_508_220_000_000_000 + number for number in range(len(made))]
    assert [one.size - len(one.data) for one in found] == [7] * len(made)
    assert [one.comment for one in found] == [f"frame {number}" for number in range(len(made))]
    assert [one.summary for one in found] == list(FRAMES)
    assert len(list(frames_of(written(tmp_path, made), 2))) == 2


def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    """The complete frames are read, for a truncation at every length."""
    path = written(tmp_path, [bytes(frame) for frame in FRAMES.values()])
    content, counts = path.read_bytes(), []
    for size in range(4, len(content) + 1):
        path.write_bytes(content[:size])
        counts.append(len(list(frames_of(path, 10))))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(FRAMES))


@pytest.mark.parametrize("content", [b"", b"x", b"\xd4\xc3\xb2\xa1" + bytes(20), struct.pack("<I", 0x0A0D0D0B)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "alert-aaaaaa.pcapng"
    path.write_bytes(content)
    with pytest.raises(NotReadable):
        list(frames_of(path, 10))
    with pytest.raises(NotReadable):
        list(frames_of(tmp_path / "none", 10))


@given(st.data())
def test_damage_raises_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any byte may be changed; no other error is raised."""
    path = written(tmp_path_factory.mktemp("evidence"), [bytes(frame) for frame in FRAMES.values()])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    frames = list(frames_of(path, 10))
    assert len(frames) <= len(FRAMES)
    assert [frame.summary for frame in frames if not frame.summary.isprintable()] == []
