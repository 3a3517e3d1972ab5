"""Share of connections that agree with Wireshark's: ``python -m tests.records.agreement CAPTURE ...``.

A connection agrees if both programs have the same endpoints, packets and bytes. A TCP connection is closed at its
second FIN or at a reset: later packets are not counted. A connection that therefore lacks up to three packets, or any
number of packets without payload, agrees, and is counted as late.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.records.kit_records import replayed, rows

Way = tuple[str, int, str, int]
Counted = dict[Way, tuple[int, int]]
PROTOCOLS = ("tcp", "udp")
# Packets after the end of a connection, maximum bytes of one of them, and of one without payload.
LATE, LATE_BYTES, BARE_BYTES = 3, 1_600, 78


class Agreement(NamedTuple):
    """Connections of the capture; those that agree; those of them that lack late packets; endpoints of the others."""

    connections: int
    agree: int
    late: int
    differ: list[Way]


def conversations(capture: Path, proto: str) -> Counted:
    """Wireshark's packets and bytes by source and destination, inside tunnels."""
    fields = ["ip.src", "ipv6.src", f"{proto}.srcport", "ip.dst", "ipv6.dst", f"{proto}.dstport", "frame.len"]
    chosen = [word for field in fields for word in ("-e", field)]
    shown = f"{proto} and not icmp and not icmpv6"
    command = ["tshark", "-n", "-r", str(capture), "-Y", shown, "-T", "fields", "-E", "occurrence=l", *chosen]
    found: Counted = {}
    # For a truncated capture, tshark prints what it read and exits with 2.
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
        src4, src6, sport, dst4, dst6, dport, size = line.split("\t")
        if sport and dport:
            _add(found, (src4 or src6, int(sport), dst4 or dst6, int(dport)), 1, int(size))
    return found


def ours(folder: Path, proto: str) -> Counted:
    """The same from our records."""
    found: Counted = {}
    for row in rows(folder, "conn"):
        if row["proto"] == proto:
            ends = (row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"])
            _add(found, ends, row["src_packets"], row["src_bytes"])
            _add(found, (*ends[2:], *ends[:2]), row["dst_packets"], row["dst_bytes"])
    return found


def _add(found: Counted, way: Way, packets: int, size: int) -> None:
    before = found.get(way, (0, 0))
    if packets:
        found[way] = before[0] + packets, before[1] + size


def compared(theirs: Counted, own: Counted, *, late: bool) -> Agreement:
    """``late``: packets after the end may be missing."""
    connections = {min(way, _back(way)) for way in (*theirs, *own)}
    short = [way for way in connections if any(theirs.get(one) != own.get(one) for one in (way, _back(way)))]
    differ = [way for way in short if not (late and all(_lacks_late(theirs, own, one) for one in (way, _back(way))))]
    return Agreement(len(connections), len(connections) - len(differ), len(short) - len(differ), sorted(differ))


def _back(way: Way) -> Way:
    return (*way[2:], *way[:2])


def _lacks_late(theirs: Counted, own: Counted, way: Way) -> bool:
    """Whether a side lacks nothing, or only packets after the end."""
    (packets, size), (our_packets, our_size) = theirs.get(way, (0, 0)), own.get(way, (0, 0))
    missing, lost = packets - our_packets, size - our_size
    if missing == 0:
        return lost == 0
    return missing > 0 and 0 < lost <= missing * (LATE_BYTES if missing <= LATE else BARE_BYTES)


def agreement(capture: Path, folder: Path, proto: str) -> Agreement:
    """Compares the records of a capture in a folder."""
    return compared(conversations(capture, proto), ours(folder, proto), late=proto == "tcp")


def main(captures: list[str]) -> int:
    """The agreement over all captures, and the differences; exit code 1 if it is below 99 %."""
    sums = {proto: [0, 0, 0] for proto in PROTOCOLS}
    for capture in map(Path, captures):
        with tempfile.TemporaryDirectory() as folder:
            replayed(Path(folder), capture)
            for proto in PROTOCOLS:
                one = agreement(capture, Path(folder), proto)
                sums[proto] = [before + more for before, more in zip(sums[proto], one[:3], strict=True)]
                for way in one.differ:
                    print(f"{capture.name}: {proto} {way[0]}:{way[1]} {way[2]}:{way[3]}", flush=True)
    for proto, (connections, agree, late) in sums.items():
        print(f"{proto}: {agree:,} of {connections:,} connections agree, {late:,} without late packets", flush=True)
    connections, agree, _ = (sum(column) for column in zip(*sums.values(), strict=True))
    print(f"{agree / max(connections, 1):.2%}")
    return 0 if agree >= 0.99 * connections else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
