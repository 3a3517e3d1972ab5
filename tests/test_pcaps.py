"""The captures of the project: each is listed with its generator, and the office is what its generator writes today."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import dpkt
import pytest
import yaml
import zstandard

from pcaps import office, selftest
from pcaps._office_hosts import all_devices

CAPTURES = (".pcap", ".pcapng", ".pcapng.zst")
Segment = tuple[str, str, int, int, int, int]  # source, destination, their ports, flags, bytes


@pytest.fixture(scope="module")
def capture(root: Path) -> Path:
    return root / "pcaps" / "office.pcapng"


@pytest.fixture(scope="module")
def frames(capture: Path) -> list[dpkt.ethernet.Ethernet]:
    with capture.open("rb") as file:
        return [dpkt.ethernet.Ethernet(frame) for _, frame in dpkt.pcapng.Reader(file)]


@pytest.fixture(scope="module")
def segments(frames: list[dpkt.ethernet.Ethernet]) -> list[Segment]:
    """Every TCP segment."""
    packets = [
        frame.data
        for frame in frames
        if isinstance(frame.data, dpkt.ip.IP) and isinstance(frame.data.data, dpkt.tcp.TCP)
    ]
    return [
        (
            str(ipaddress.ip_address(p.src)),
            str(ipaddress.ip_address(p.dst)),
            p.data.sport,
            p.data.dport,
            p.data.flags,
            len(p.data.data),
        )
        for p in packets
    ]


def test_every_capture_is_listed_with_its_program(root: Path) -> None:
    """SOURCES.yaml lists the files of the folder, and the generators exist."""
    listed = yaml.safe_load((root / "pcaps" / "SOURCES.yaml").read_text(encoding="utf-8"))
    paths = [*(root / "pcaps").rglob("*"), *(root / "sensor").rglob("*.zst")]
    held = {path.relative_to(root).as_posix() for path in paths if path.name.endswith(CAPTURES)}
    assert {path.relative_to(root).as_posix() for entry in listed for path in root.glob(entry["path"])} == held
    assert all(entry["what"] and (root / entry["made_by"]).is_file() for entry in listed)


def test_office_is_made_again_byte_for_byte(capture: Path, tmp_path: Path) -> None:
    """Fixed clock, seeded generators, own writer: the output equals the committed file, under any name."""
    office.main(tmp_path / "again.pcapng")
    assert (tmp_path / "again.pcapng").read_bytes() == capture.read_bytes()


def test_the_shipped_capture_is_made_again_packet_for_packet(root: Path, tmp_path: Path) -> None:
    """The capture of `sensor selftest` is what its generator writes today, and is small. Another zstd version may
    compress it differently.
    """
    subprocess.run(
        [sys.executable, "-m", "pcaps.selftest", str(tmp_path / "again.zst")], cwd=root, check=True
    )  # devices count the packets they send
    assert zstandard.decompress((tmp_path / "again.zst").read_bytes()) == zstandard.decompress(
        selftest.FILE.read_bytes()
    )
    assert selftest.FILE.stat().st_size < 12_000


def test_office_is_small_and_lasts_twenty_minutes(capture: Path) -> None:
    """A newcomer's first capture is downloaded and analyzed quickly."""
    with capture.open("rb") as file:
        times = [ts for ts, _ in dpkt.pcapng.Reader(file)]
    assert 3000 <= len(times) <= 8000
    assert capture.stat().st_size < 1_500_000
    assert 1100 < times[-1] - times[0] < 1200
    assert times == sorted(times)


def test_office_has_devices_of_many_types(frames: list[dpkt.ethernet.Ethernet]) -> None:
    """At least 25 devices of 12 types send packets in the capture; some are in a VLAN."""
    devices = all_devices()
    senders = {frame.src.hex(":") for frame in frames}
    assert len({one.host.mac for one in devices}) == len(devices) >= 25
    assert len({one.kind for one in devices}) >= 12
    assert {one.host.mac for one in devices} <= senders
    assert len({frame.src for frame in frames if getattr(frame, "vlan_tags", None)}) >= 7


def test_office_has_one_scan(segments: list[Segment]) -> None:
    """One laptop probes more than sixty addresses, most without an answer, and more than thirty ports of one host,
    within two minutes.
    """
    syns = [(src, dst, dport) for src, dst, _, dport, flags, _ in segments if flags == dpkt.tcp.TH_SYN]
    hosts, ports = defaultdict(set), defaultdict(set)
    for src, dst, dport in syns:
        hosts[src].add(dst)
        ports[src, dst].add(dport)
    assert [src for src, seen in hosts.items() if len(seen) > 20] == ["10.20.10.106"]
    assert len([dst for dst in hosts["10.20.10.106"] if dst.startswith("10.20.30.")]) > 60
    assert [pair for pair, seen in ports.items() if len(seen) > 5] == [("10.20.10.106", "10.20.10.5")]
    assert len(ports["10.20.10.106", "10.20.10.5"]) > 30
    answering = {src for src, _, _, _, flags, _ in segments if src.startswith("10.20.30.") and flags & dpkt.tcp.TH_ACK}
    assert len(answering) < 10


def test_office_has_one_move_and_one_contact(segments: list[Segment]) -> None:
    """One camera has SMB sessions with the file server, another a flow to a listed address; both get payload."""
    for camera, peer, port in (("10.20.10.61", "10.20.10.5", 445), ("10.20.10.62", office.LISTED, 8443)):
        opened = [s for s in segments if (s[0], s[1], s[3], s[4]) == (camera, peer, port, dpkt.tcp.TH_SYN)]
        assert len(opened) == 1
        assert sum(size for src, dst, sport, _, _, size in segments if (src, dst, sport) == (peer, camera, port)) > 0


def test_office_list_names_the_address(root: Path) -> None:
    """The demo's list has this address, and no other that the office contacts."""
    lines = (root / "pcaps" / "office.intel.txt").read_text(encoding="utf-8").splitlines()
    blocks = [ipaddress.ip_network(line.split()[0]) for line in lines if line and not line.startswith("#")]
    assert any(ipaddress.ip_address(office.LISTED) in block for block in blocks)
    clouds = [host.ip for host in office.Office().external.values()]
    assert not [ip for ip in clouds if any(ipaddress.ip_address(ip) in block for block in blocks)]
