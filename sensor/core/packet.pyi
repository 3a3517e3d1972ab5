from __future__ import annotations

import numpy as np
import numpy.typing as npt

class Packet:
    ts: int
    src: int
    dst: int
    src_mac: int
    dst_mac: int
    flow: int
    slot: int
    source: int
    link: int
    vlan: int
    ethertype: int
    ip_version: int
    proto: int
    ttl: int
    fragment: int
    fragment_at: int
    sport: int
    dport: int
    tcp_flags: int
    seq: int
    ack: int
    wirelen: int
    problem: int
    tunnels: int
    direction: int
    truncated: bool
    cut_off: int
    one_sided: bool
    payload: bytes
    frame: bytes
    def __init__(
        self,
        payload: bytes = b"",
        *,
        ts: int = 0,
        src: int = 0,
        dst: int = 0,
        src_mac: int = 0,
        dst_mac: int = 0,
        sport: int = 0,
        dport: int = 0,
        vlan: int = 0,
        ethertype: int = 0x0800,
        ip_version: int = 4,
        proto: int = 17,
        ttl: int = 64,
        tcp_flags: int = 0,
        seq: int = 0,
        fragment: int = 0,
        problem: int = 0,
        flow: int = 0,
        slot: int = -1,
        source: int = 0,
        link: int = 1,
        tunnels: int = 0,
        direction: int = 0,
        wirelen: int | None = None,
        fragment_at: int = 0,
        ack: int = -1,
        frame: bytes | None = None,
    ) -> None: ...
    def with_payload(self, payload: bytes) -> Packet: ...

class Packets:
    def __init__(self, data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> None: ...
    def at(self, index: int) -> Packet: ...
