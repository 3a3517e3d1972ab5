"""The usual Python approach, as a peer: dpkt parses every frame of a pcap file and counts."""

from __future__ import annotations

import sys
from pathlib import Path

import dpkt


def main(path: str) -> None:
    packets = transport = 0
    with Path(path).open("rb", buffering=1 << 20) as file:
        for _, raw in dpkt.pcap.Reader(file):
            packets += 1
            try:
                frame = dpkt.ethernet.Ethernet(raw)
            except dpkt.UnpackError:
                continue
            if isinstance(frame.data, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(
                frame.data.data, dpkt.tcp.TCP | dpkt.udp.UDP
            ):
                transport += 1
    print(packets, transport)


main(sys.argv[1])
